"""Make a bearer key for a downstream tool; its secret is shown this once."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp.core.actions import SCOPES, create_service_key
from cdp.core.types import Actor, now


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--scope", action="append", required=True, help=f"one of {', '.join(SCOPES)}; may be repeated"
        )
        parser.add_argument("--purpose", default="", help="bind the key to one purpose")
        parser.add_argument("--contact-channel", default="", help="bind the key to one contact channel")
        parser.add_argument("--days", type=int, default=365, help="days until it expires")

    def handle(self, *, name: str, scope: list[str], purpose: str, contact_channel: str, days: int, **_: Any) -> None:
        scopes = sorted({part for text in scope for part in text.replace(",", " ").split()})
        if unknown := [part for part in scopes if part not in SCOPES]:
            raise CommandError(f"Unknown scope {', '.join(unknown)}: choose from {', '.join(SCOPES)}.")
        _key, secret = create_service_key(
            Actor.system("create_service_key"),
            name,
            scopes,
            purpose=purpose,
            contact_channel=contact_channel,
            expires_at=now() + timedelta(days=days),
        )
        self.stdout.write(secret)
