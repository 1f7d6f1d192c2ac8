"""`manage.py move_to DATABASE_URL`: an embedded pilot moved to a PostgreSQL of one's own, verified."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from cdp.core import embedded
from cdp.core.errors import Refused
from cdp.core.progress import Progress
from cdp.management import moving

FILES = {
    "CDP_KEYRING_FILE": "KEYRING_FILE",
    "CDP_ERASURE_JOURNAL": "ERASURE_JOURNAL",
    "CDP_AUDIT_ANCHOR_FILE": "AUDIT_ANCHOR_FILE",
    "CDP_LAKE_DIR": "LAKE_DIR",
}


class Command(BaseCommand):
    help = "Move this embedded installation to an empty database of a PostgreSQL server, and compare every table."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("database_url", help="of the application's role there, as DATABASE_URL will be")
        parser.add_argument("--owner", required=True, help="of the role that owns that database: DATABASE_OWNER_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        if any(map(_holds_password, (options["database_url"], options["owner"]))):
            raise CommandError(
                _("Leave passwords out of the command, where others can read them: write them to ~/.pgpass.")
            )
        with Progress(_("Moving")) as progress:
            try:
                moved = moving.move(options["database_url"], options["owner"], progress.say)
            except Refused as refusal:
                raise CommandError(str(refusal)) from None
        said = _("%(rows)s rows of %(tables)d tables were moved; counts and digests are the same.")
        self.stdout.write(self.style.SUCCESS(said % {"rows": f"{moved.rows:,}", "tables": moved.tables}))
        self._say_what_next()

    def _say_what_next(self) -> None:
        self.stdout.write(_("Now set for web, worker and beat (see .env.example):"))
        self.stdout.write("  DATABASE_URL=…  REDIS_URL=…  ALLOWED_HOSTS=…")
        secret = embedded.home() / "django-secret"
        self.stdout.write("  SECRET_KEY=… " + _("(what stands in %(file)s)") % {"file": secret})
        for variable, setting in FILES.items():
            self.stdout.write(f"  {variable}={getattr(settings, setting)}")
        self.stdout.write(_("These files are not in the database: move them too, and back them up apart from it."))
        self.stdout.write(_("The pilot keeps its data: delete it once you have served from there, the keyring never."))


def _holds_password(address: str) -> bool:
    try:
        return "password" in conninfo_to_dict(address)
    except ProgrammingError:
        return False  # connecting says so better
