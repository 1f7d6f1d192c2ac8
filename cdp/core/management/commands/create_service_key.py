"""Make a bearer key for a downstream tool; its secret is shown this once."""

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp.core.actions import SCOPES, create_service_key
from cdp.core.errors import Refused
from cdp.core.roles import ROLES, scopes_of
from cdp.core.types import Actor, now

LONGEST_NAME = 100
MOST_DAYS = 3650


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--scope", action="append", help=f"one of {', '.join(SCOPES)}; may be repeated")
        parser.add_argument("--role", choices=sorted(ROLES), help="the scopes of what a role may do")
        parser.add_argument("--group", default="", help="only the segments that this group sees")
        parser.add_argument("--purpose", default="", help="bind the key to one purpose")
        parser.add_argument("--contact-channel", default="", help="bind the key to one contact channel")
        parser.add_argument("--days", type=int, default=365, help="days until it expires")

    def handle(
        self, *, name: str, scope: list[str] | None, role: str | None, group: str, purpose: str, contact_channel: str,
        days: int, **_: Any,
    ) -> None:  # fmt: skip
        scopes = sorted({part for text in scope or () for part in text.replace(",", " ").split()})
        scopes = sorted({*scopes, *(scopes_of(role) if role else ())})
        if unknown := [part for part in scopes if part not in SCOPES]:
            raise CommandError(f"Unknown scope {', '.join(unknown)}: choose from {', '.join(SCOPES)}.")
        if not scopes or not 0 < len(name) <= LONGEST_NAME or not 0 < days <= MOST_DAYS:
            raise CommandError(
                f"A key needs a scope, a name of at most {LONGEST_NAME} characters and 1 to {MOST_DAYS} days."
            )
        _require("Purpose", purpose)
        _require("ContactChannel", contact_channel)
        try:
            _key, secret = create_service_key(
                Actor.system("create_service_key"),
                name,
                scopes,
                purpose=purpose,
                contact_channel=contact_channel,
                expires_at=now() + timedelta(days=days),
                group=_group(group),
            )
        except Refused as refusal:
            raise CommandError(f"{refusal} `manage.py revoke_service_key PREFIX`") from refusal
        self.stdout.write(secret)


def _group(name: str) -> Group | None:
    if not name:
        return None
    found = Group.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no group {name}.")
    return found


def _require(model: str, key: str) -> None:
    """A key bound to what does not exist would open nothing, and nobody would know why."""
    rows = apps.get_model("consent", model).objects
    if key and not rows.filter(pk=key).exists():
        known = ", ".join(sorted(rows.values_list("pk", flat=True)))
        raise CommandError(f"There is no {rows.model._meta.verbose_name} {key}: choose from {known}.")
