"""`flush`, over the owner's own connection: the application's role may not truncate tables."""

from typing import Any

import psycopg
from django.core.management.color import no_style
from django.core.management.commands.flush import Command as Flush
from django.core.management.sql import emit_post_migrate_signal, sql_flush
from django.db import connections


class Command(Flush):
    def handle(self, **options: Any) -> None:
        if options["interactive"]:
            super().handle(**options | {"database": "owner"})
            return
        app = connections["default"]
        parameters = connections["owner"].get_connection_params() | {"dbname": app.settings_dict["NAME"]}
        for unwanted in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(unwanted, None)
        with psycopg.connect(**parameters) as owner:
            for statement in sql_flush(no_style(), app, reset_sequences=options.get("reset_sequences", True), allow_cascade=True):
                owner.execute(statement)
        if not options.get("inhibit_post_migrate"):
            emit_post_migrate_signal(0, interactive=False, db="default")
