"""Labs and their members, seen by those who belong to them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core.permissions import SignedIn
from backend.people.labs import add_member, create_lab, remove_member
from backend.people.models import Lab, Person
from backend.people.permissions import IsCurator
from backend.people.selectors import labs_of, members_of
from backend.people.serializers import LabSerializer, NewLab, NewMember, PersonSerializer


class LabsView(generics.ListAPIView):
    serializer_class = LabSerializer
    queryset = Lab.objects.none()  # for the schema

    def get_permissions(self) -> list[Any]:
        return [IsCurator() if self.request.method == "POST" else SignedIn()]

    def get_queryset(self) -> QuerySet[Lab]:
        return labs_of(self.request.user)

    @extend_schema(operation_id="labs_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The labs that you belong to."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="labs_create", request=NewLab, responses={201: LabSerializer})
    def post(self, request: Request) -> Response:
        """A new lab, with you in it."""
        form = NewLab(data=request.data)
        form.is_valid(raise_exception=True)
        lab = create_lab(**form.validated_data, person=request.user)
        return Response(LabSerializer(labs_of(request.user).get(pk=lab.pk)).data, status=status.HTTP_201_CREATED)


class MembersView(generics.ListAPIView):
    serializer_class = PersonSerializer
    queryset = Person.objects.none()  # for the schema

    def get_permissions(self) -> list[Any]:
        return [IsCurator() if self.request.method == "POST" else SignedIn()]

    def get_queryset(self) -> QuerySet[Person]:
        return members_of(get_object_or_404(labs_of(self.request.user), pk=self.kwargs["lab"]))

    @extend_schema(operation_id="labs_members")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The people of a lab of yours."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="labs_add_member", request=NewMember, responses={201: PersonSerializer})
    def post(self, request: Request, lab: str) -> Response:
        """Take a person into a lab of yours."""
        found = get_object_or_404(labs_of(request.user), pk=lab)
        form = NewMember(data=request.data)
        form.is_valid(raise_exception=True)
        person = add_member(lab=found, **form.validated_data)
        return Response(PersonSerializer(person).data, status=status.HTTP_201_CREATED)


class MemberView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="labs_remove_member", responses={204: None})
    def delete(self, request: Request, lab: str, username: str) -> Response:
        """Let a person go from a lab of yours."""
        remove_member(lab=get_object_or_404(labs_of(request.user), pk=lab), username=username)
        return Response(status=status.HTTP_204_NO_CONTENT)
