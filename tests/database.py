"""Emptying the test database after a test that commits, as the owner, quickly: only tables that hold something."""

from typing import Any

import psycopg
from django.apps import apps
from django.db import connections
from django.db.models.signals import post_migrate

# Made by migrations and the same for every test.
KEPT = {"django_migrations", "django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}
# What these ship is put back.
SHIPPING = ("events", "consent")

TABLES = """
select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables
where schemaname in ('public', 'keys') and not tablename = any(%s)
"""


def wipe(*_: Any) -> None:
    """Truncate what holds rows and ship the product's own rows again."""
    with psycopg.connect(**owner_parameters(), autocommit=True) as owner:
        tables = [row[0] for row in owner.execute(TABLES, [sorted(KEPT)]).fetchall()]
        holding = " union all ".join(f"select '{table}' where exists (select from {table})" for table in tables)
        full = [row[0] for row in owner.execute(holding).fetchall()]
        if full:
            owner.execute(f"truncate {', '.join(full)} restart identity cascade")
    for label in SHIPPING:
        config = apps.get_app_config(label)
        post_migrate.send(
            sender=config, app_config=config, verbosity=0, interactive=False, using="default", plan=[], apps=apps
        )


def owner_parameters() -> dict[str, Any]:
    settings = connections["owner"].settings_dict
    name = connections["default"].settings_dict["NAME"]
    return {
        "host": settings["HOST"],
        "user": settings["USER"],
        "password": settings["PASSWORD"] or None,
        "dbname": name,
    }
