"""Somebody of the staff, signed in."""

from django.contrib.auth.models import Group
from django.test import Client

from cdp.core.models import User
from cdp.core.roles import ship_roles


def signed_in(role: str, name: str = "") -> Client:
    """A client with the session of a new account of a role."""
    ship_roles("default")
    user = User.objects.create_user(name or role, is_staff=True)
    user.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(user)
    return client
