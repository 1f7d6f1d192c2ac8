"""`migrate`, as the owner: the application's own role may not change tables."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

from cdp.core.sql import GRANT_BI

LOCK = 0x6364_705F_6D69_6772  # "cdp_migr"


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        if "owner" not in settings.DATABASES:
            raise CommandError("Set DATABASE_OWNER_URL, the URL of the role that owns the tables, and migrate again.")
        # One at a time: two first starts at once would alter the same tables.
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            try:
                super().handle(*args, **options | {"database": "owner"})
                cursor.execute(GRANT_BI)
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
