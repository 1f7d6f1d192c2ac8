"""Revoke a service key, at once and for good."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp.core.actions import revoke_service_key
from cdp.core.models import ServiceKey
from cdp.core.types import Actor


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", help="how the key begins: cdp_ and eight characters")

    def handle(self, *, prefix: str, **_: Any) -> None:
        key = ServiceKey.objects.filter(prefix=prefix).first()
        if key is None:
            raise CommandError("There is no service key that begins so.")
        revoke_service_key(Actor.system("revoke_service_key"), key)
        self.stdout.write(f"{key.name} ({prefix}) opens nothing any more.")
