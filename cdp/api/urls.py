"""What downstream tools read."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
