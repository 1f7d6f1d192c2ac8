"""`flush`, as the owner: the application's own role may not truncate tables."""

from typing import Any

from django.core.management.commands.flush import Command as Flush


class Command(Flush):
    def handle(self, **options: Any) -> None:
        super().handle(**options | {"database": "owner"})
