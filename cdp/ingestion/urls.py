"""Where SDKs send to."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
