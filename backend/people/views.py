"""Signing in, and the people of the hub."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login, logout
from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core.permissions import Anyone, SignedIn
from backend.people import services
from backend.people.labs import lab_of
from backend.people.permissions import IsCurator
from backend.people.selectors import active_people, labs_of
from backend.people.serializers import AccessToken, Credentials, LabSerializer, Me, NewPerson, PersonSerializer
from backend.people.throttles import PerAddress, PerPerson


def _me(request: Request) -> dict[str, Any]:
    user = request.user if request.user.is_authenticated else None
    return {
        "user": PersonSerializer(user).data if user else None,
        "labs": LabSerializer(labs_of(request.user), many=True).data,
        "csrf_token": get_token(request._request),
    }


@method_decorator(never_cache, name="dispatch")
class MeView(APIView):
    permission_classes = [Anyone]

    @extend_schema(operation_id="me", responses=Me)
    def get(self, request: Request) -> Response:
        """Who I am; `user` is null for a stranger."""
        return Response(_me(request))


# DRF checks CSRF only for those signed in already; without this, a foreign page could sign a visitor in as another.
@method_decorator(csrf_protect, name="dispatch")
class SignInView(APIView):
    permission_classes = [Anyone]
    authentication_classes = []
    throttle_classes = [PerPerson, PerAddress]

    @extend_schema(operation_id="sign_in", request=Credentials, responses=Me)
    def post(self, request: Request) -> Response:
        """Sign this browser in."""
        form = Credentials(data=request.data)
        form.is_valid(raise_exception=True)
        person = services.check_credentials(request=request._request, **form.validated_data)
        login(request._request, person)
        request.user = person
        return Response(_me(request))


class SignOutView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="sign_out", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign this browser out."""
        logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokenView(APIView):
    permission_classes = [Anyone]
    authentication_classes = []
    throttle_classes = [PerPerson, PerAddress]

    @extend_schema(operation_id="token", request=Credentials, responses=AccessToken)
    def post(self, request: Request) -> Response:
        """A token for a client that is no browser."""
        form = Credentials(data=request.data)
        form.is_valid(raise_exception=True)
        person = services.check_credentials(request=request._request, **form.validated_data)
        return Response({"token": services.issue_token(person=person)})


class PeopleView(generics.ListAPIView):
    permission_classes = [IsCurator]
    serializer_class = PersonSerializer
    queryset = active_people()

    @extend_schema(operation_id="people_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The people of this hub."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="people_create", request=NewPerson, responses={201: PersonSerializer})
    def post(self, request: Request) -> Response:
        """A new person."""
        form = NewPerson(data=request.data)
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        person = services.create_person(lab=lab_of(request.user, values.pop("lab")), **values)
        return Response(PersonSerializer(person).data, status=status.HTTP_201_CREATED)
