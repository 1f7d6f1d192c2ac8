"""Print a fresh keyring (JSON); keep it apart from the database and its backups."""

from typing import Any

from django.core.management.base import BaseCommand

from cdp.core.keyring import new_keyring


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def handle(self, **_: Any) -> None:
        self.stdout.write(new_keyring())
