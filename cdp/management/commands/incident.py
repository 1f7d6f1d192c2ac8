"""Say whose data a service key, a user, a source of changes or an export touched between two moments.

`manage.py incident --key cdp_1a2b3c4d --since 2026-11-20T00:00+09:00`: one profile id a line, what was done on stderr.
"""

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from cdp.core.actions import audit
from cdp.core.models import ServiceKey, User
from cdp.core.types import Actor, now
from identity.incident import exposure

DAYS = 30


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--key", help="the prefix of a service key: cdp_ and eight characters")
        whom.add_argument("--user", help="a user's name")
        whom.add_argument("--actor", help="as the audit log has it: key:…, user:… or system:…")
        whom.add_argument("--export", help="the id of an export, as the audit log has it")
        parser.add_argument("--since", type=moment, help=f"a moment, ISO 8601; {DAYS} days ago where omitted")
        parser.add_argument("--until", type=moment, help="a moment, ISO 8601; now where omitted")

    def handle(self, *, since: datetime | None, until: datetime | None, **asked: Any) -> None:
        until = until or now()
        who = {"export": asked["export"]} if asked["export"] else {"actor": _actor(asked)}
        found = exposure(since or until - timedelta(days=DAYS), until, **who)
        audit(Actor.system("incident"), "incident.viewed", target=next(iter(who.values())), count=len(found.profiles))
        self.stdout.writelines(f"{profile}\n" for profile in found.profiles)
        self.stderr.write(f"{len(found.profiles):,} live profiles, {found.erased:,} people erased since.")
        self.stderr.writelines(f"{number:,} × {action}\n" for action, number in found.actions.most_common())


def moment(text: str) -> datetime:
    """A moment; one without an offset is of the deployment's zone."""
    found = parse_datetime(text)
    if found is None:
        raise ValueError
    return found if found.tzinfo else timezone.make_aware(found)


def _actor(asked: dict[str, Any]) -> str:
    if asked["actor"]:
        return str(asked["actor"])
    named: Any = ServiceKey.objects.filter(prefix=asked["key"]) if asked["key"] else None
    named = named if named is not None else User.objects.filter(username=asked["user"])
    if (found := named.first()) is None:
        raise CommandError("There is no such service key or user.")
    return f"{'key' if asked['key'] else 'user'}:{found.pk}"
