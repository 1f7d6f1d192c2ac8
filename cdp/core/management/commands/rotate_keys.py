"""Renew the wrapping of keys while the system runs: under the active root key, and with --data-keys under a new key-encryption
key as well. To rotate the root: add a new key to the keyring, make it active, restart, run this, then drop the old one."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cdp.core import rotation
from cdp.core.progress import Progress
from cdp.core.types import Actor


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data-keys", action="store_true", help="also wrap every data key under a new key")

    def handle(self, *, data_keys: bool, **_: Any) -> None:
        actor = Actor.system("rotate_keys")
        keks = rotation.rewrap_keks(actor)
        self.stdout.write(f"{keks} key-encryption keys wrapped under the active root key")
        if data_keys:
            done = 0
            with Progress("Wrapping data keys") as progress:
                for done in rotation.renew_data_keys(actor):
                    progress.say(f"{done:,}")
            self.stdout.write(f"{done:,} data keys wrapped under a new key-encryption key")
