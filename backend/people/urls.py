from django.urls import path

from backend.people import views

urlpatterns = [
    path("auth/me/", views.MeView.as_view()),
    path("auth/sign-in/", views.SignInView.as_view()),
    path("auth/sign-out/", views.SignOutView.as_view()),
    path("auth/token/", views.TokenView.as_view()),
    path("people/", views.PeopleView.as_view()),
]
