from django.urls import path

from backend.people import lab_views, views

urlpatterns = [
    path("auth/me/", views.MeView.as_view()),
    path("auth/sign-in/", views.SignInView.as_view()),
    path("auth/sign-out/", views.SignOutView.as_view()),
    path("auth/token/", views.TokenView.as_view()),
    path("people/", views.PeopleView.as_view()),
    path("labs/", lab_views.LabsView.as_view()),
    path("labs/<slug:lab>/members/", lab_views.MembersView.as_view()),
    path("labs/<slug:lab>/members/<str:username>/", lab_views.MemberView.as_view()),
]
