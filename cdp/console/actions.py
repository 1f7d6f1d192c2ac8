"""Writes of the console: the roles that ship, and accounts for a demonstration."""

import secrets
from collections.abc import Iterable

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from cdp.console.roles import ROLES, SIGNS_IN
from cdp.core.actions import audit
from cdp.core.models import User
from cdp.core.types import Actor

PACKAGES = ("core", "events", "identity", "profiles", "consent", "segments", "auth")


def ship_roles(using: str = "default") -> None:
    """One group a role, holding at least what the role may do; more that was granted by hand stays."""
    for label in PACKAGES:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    for role, grants in ROLES.items():
        group, _ = Group.objects.using(using).get_or_create(name=role)
        group.permissions.add(*permissions(grants, using))


def permissions(grants: Iterable[str], using: str = "default") -> list[Permission]:
    """The permissions that grants like `view:consent.*` stand for."""
    wanted = Q(pk__in=[])
    for grant in grants:
        wanted |= _meant_by(*grant.split(":"))
    return list(Permission.objects.using(using).filter(wanted))


def _meant_by(action: str, table: str) -> Q:
    package, model = table.split(".")
    if model == "*":
        return Q(content_type__app_label=package, codename__startswith=f"{action}_")
    codename = action if "_" in action else f"{action}_{model}"
    return Q(content_type__app_label=package, content_type__model=model, codename=codename)


@transaction.atomic
def create_demo_accounts() -> list[tuple[str, str, str]]:
    """An account a role, for demonstration only: (username, password, role). Made again, each gets a new password."""
    return [(*_demo_account(role), role) for role in ROLES]


def _demo_account(role: str) -> tuple[str, str]:
    username, password = role.replace(" ", "-"), secrets.token_urlsafe(9)
    user, _ = User.objects.get_or_create(username=username, defaults={"is_staff": role in SIGNS_IN})
    user.set_password(password)
    user.save(update_fields=["password"])
    user.groups.set([Group.objects.get(name=role)])
    audit(Actor.system("demo"), "user.demo_account", target=str(user.pk), role=role)
    return username, password
