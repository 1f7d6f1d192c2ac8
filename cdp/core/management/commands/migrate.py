"""`migrate`, as the owner: the application's own role may not change tables."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        if "owner" not in settings.DATABASES:
            raise CommandError("Set DATABASE_OWNER_URL, the URL of the role that owns the tables, and migrate again.")
        super().handle(*args, **options | {"database": "owner"})
