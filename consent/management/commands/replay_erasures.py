"""Erase again, after a restore, whom the journal of erasures names and the restored database still holds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp.core.errors import Refused
from consent import erasure, journal


class Command(BaseCommand):
    help = "Erase again whom a restored backup has brought back: run it after every restore, before serving."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            waiting = journal.unreplayed()
        except (Refused, OSError) as error:
            raise CommandError(str(error)) from None
        done = sum(erasure.replay(entry) for entry in waiting)
        self.stdout.write(f"{len(waiting)} erasures were not in this database; {done} are done again.")
        if done < len(waiting):
            raise CommandError("Some are not done: the log says at which store. Mend it, and run this again.")
