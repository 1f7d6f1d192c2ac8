"""What the database itself guarantees, whatever the application does."""

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from cdp.core.actions import audit
from cdp.core.models import AuditEntry
from cdp.core.types import Actor
from consent.models import ConsentRecord
from identity.models import ProfileChange

APPEND_ONLY = ["core_auditentry", "core_disclosure", "consent_consentrecord", "identity_profilechange"]


@pytest.mark.django_db
def test_the_application_connects_as_a_role_that_owns_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select current_user, rolsuper from pg_roles where rolname = current_user")
        assert cursor.fetchone() == ("cdp_app", False)
        cursor.execute(
            "select count(*) from pg_class where relowner = (select oid from pg_roles where rolname = current_user)"
        )
        assert cursor.fetchone()[0] == 0


@pytest.mark.django_db
@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["update {} set id = id", "delete from {}", "truncate {}"])
def test_append_only_tables_refuse_every_change(table: str, change: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change.format(table))


@pytest.mark.django_db
@pytest.mark.parametrize("records", [["b"], ["a", "b", "c"], [], {}])
def test_of_a_profile_s_change_only_names_of_records_may_be_taken_out(records: Any) -> None:
    change = ProfileChange.objects.create(profile=uuid4(), kind="created", records=["a", "b"], actor="system:test")
    with (
        nullcontext() if records in (["b"], []) else pytest.raises(ProgrammingError, match="append-only"),
        transaction.atomic(),
    ):
        ProfileChange.objects.filter(pk=change.pk).update(records=records)
    kept = ProfileChange.objects.get(pk=change.pk).records
    assert kept == (records if records in (["b"], []) else ["a", "b"])


@pytest.mark.django_db
def test_data_keys_live_in_a_schema_of_their_own() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select table_schema from information_schema.tables where table_name in ('core_datakey', 'core_keyencryptionkey')"
        )
        assert {row[0] for row in cursor.fetchall()} == {"keys"}


@pytest.mark.django_db
def test_the_ledger_takes_rows() -> None:
    ConsentRecord.objects.create(
        key=uuid4(), subject=uuid4(), purpose_id="marketing", channel_id="email", state="granted",
        given_at=datetime.now(UTC), method="test", recorded_by="system:test",
    )  # fmt: skip
    audit(Actor.system("test"), "tested")
    assert (ConsentRecord.objects.count(), AuditEntry.objects.count()) == (1, 1)
