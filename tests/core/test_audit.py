"""The audit log is as it was written, or the verifier names the first row that is not; nobody cuts its end off unseen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command

from cdp.core import anchor, chain, sequence
from cdp.core.actions import audit, disclose
from cdp.core.models import AuditEntry, Disclosure
from cdp.core.types import Actor
from tests.database import owner_parameters

pytestmark = pytest.mark.django_db(transaction=True)
TESTER = Actor.system("test")


@pytest.fixture(autouse=True)
def anchored(settings: Any, tmp_path: Path) -> Path:
    """An anchor of this test's own, that takes a line whenever rows are numbered."""
    settings.AUDIT_ANCHOR_FILE, settings.AUDIT_ANCHOR_SECONDS = str(tmp_path / "anchor.jsonl"), 0
    return tmp_path / "anchor.jsonl"


@pytest.fixture
def log() -> list[UUID]:
    """Five rows, numbered in two runs."""
    for number in range(3):
        audit(TESTER, f"step.{number}", target=str(number))
    sequence.number("audit")
    audit(TESTER, "step.3")
    disclose(TESTER, "profile.read", [uuid4()], target="4")
    sequence.number("audit")
    return list(AuditEntry.objects.order_by("id").values_list("pk", flat=True))


@pytest.fixture
def owner() -> Iterator[psycopg.Connection]:
    """Somebody with the owner's password, who keeps the triggers from seeing."""
    with psycopg.connect(**owner_parameters(), autocommit=True) as connection:
        blind(connection, "disable")
        yield connection
        blind(connection, "enable")


def blind(owner: psycopg.Connection, how: str) -> None:
    for table in ("core_auditentry", "core_disclosure"):
        owner.execute(f"alter table {table} {how} trigger user")


def fault() -> tuple[int, str] | None:
    found = chain.verify().fault
    return found and (found.seq, found.what)


def test_a_sound_log_is_verified(log: list[UUID], capsys: Any) -> None:
    call_command("verify_audit")
    assert "5 rows are as they were written, up to number 5" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        "update core_auditentry set actor = 'user:somebody else' where id = %s",
        "update core_auditentry set at = at - interval '1 day' where id = %s",
        "update core_auditentry set details = '{\"count\": 1}' where id = %s",
        "update core_auditentry set subject = gen_random_uuid() where id = %s",
        "update core_auditentry set purpose = 'other' where id = %s",
        "update core_auditentry set target = '' where id = %s",
    ],
)
def test_a_changed_row_is_named(log: list[UUID], owner: psycopg.Connection, change: str) -> None:
    owner.execute(change, [log[1]])
    assert fault() == (2, chain.CHANGED)
    with pytest.raises(CommandError, match=f"Row 2 \\({log[1]}\\) was changed"):
        call_command("verify_audit")


def test_a_deleted_row_is_named_whether_or_not_its_number_went_with_it(
    log: list[UUID], owner: psycopg.Connection
) -> None:
    owner.execute("delete from core_auditentry where id = %s", [log[2]])
    assert fault() == (3, chain.MISSING)
    owner.execute("delete from core_sequence where stream = 'audit' and row = %s", [log[2]])
    assert fault() == (3, chain.MISSING)


def test_a_list_of_people_that_was_changed_is_named(log: list[UUID], owner: psycopg.Connection) -> None:
    owner.execute("update core_disclosure set profiles = '{}'")
    assert fault() == (5, chain.DISCLOSURE)
    owner.execute("delete from core_disclosure")
    assert fault() == (5, chain.DISCLOSURE)


def test_a_row_written_behind_the_trigger_is_named(log: list[UUID], owner: psycopg.Connection) -> None:
    audit(TESTER, "unseen")
    assert fault() == (0, chain.UNCHAINED)


def cut(owner: psycopg.Connection, after: int) -> None:
    owner.execute(
        "delete from core_auditentry a using core_sequence s where s.stream = 'audit' and s.row = a.id and s.seq > %s",
        [after],
    )
    owner.execute("delete from core_sequence where stream = 'audit' and seq > %s", [after])


def test_cutting_the_end_off_is_seen_by_the_anchor_alone(
    log: list[UUID], owner: psycopg.Connection, anchored: Path
) -> None:
    cut(owner, 3)
    assert fault() == (5, chain.CUT)
    anchored.unlink()
    assert fault() is None, "without the anchor nothing in the database tells"


def test_a_log_that_was_written_anew_is_seen_by_the_anchor(log: list[UUID], owner: psycopg.Connection) -> None:
    owner.execute("update core_auditentry set actor = 'forged' where id = %s", [log[0]])
    owner.execute("delete from core_sequence where stream = 'audit'")
    owner.execute("insert into core_unnumbered (stream, row) select 'audit', id from core_auditentry order by id")
    sequence.number("audit")
    assert fault() == (3, chain.REWRITTEN)


def test_a_restored_backup_is_said_and_later_cuts_are_seen_again(
    log: list[UUID], owner: psycopg.Connection, anchored: Path
) -> None:
    cut(owner, 3)
    blind(owner, "enable")
    call_command("verify_audit", restored="the disk broke")
    assert AuditEntry.objects.filter(action="audit.restored", target="3").exists()
    assert [json.loads(line)["reason"] for line in anchored.read_text().splitlines() if "restored" in line] == [
        "the disk broke"
    ]
    blind(owner, "disable")
    cut(owner, 3)
    assert fault() == (4, chain.CUT)


def test_nobody_calls_a_changed_log_a_restored_backup(log: list[UUID], owner: psycopg.Connection) -> None:
    owner.execute("update core_auditentry set actor = 'forged' where id = %s", [log[0]])
    with pytest.raises(CommandError, match="Row 1"):
        call_command("verify_audit", restored="nothing to see")


def test_the_anchor_takes_a_line_when_one_is_due(settings: Any, anchored: Path) -> None:
    settings.AUDIT_ANCHOR_SECONDS = 3600
    for _ in range(3):
        audit(TESTER, "step")
        sequence.number("audit")
    [line] = anchored.read_text().splitlines()
    assert json.loads(line)["seq"] == 1 and anchored.stat().st_mode & 0o077 == 0


def test_an_anchor_that_cannot_be_written_stops_nobody(settings: Any, tmp_path: Path, caplog: Any) -> None:
    settings.AUDIT_ANCHOR_FILE = str(tmp_path)
    audit(TESTER, "step")
    assert sequence.number("audit") == 1
    assert "CDP_AUDIT_ANCHOR_FILE" in caplog.text


def test_an_anchor_that_cannot_be_read_is_said(log: list[UUID], anchored: Path) -> None:
    anchored.write_text("nonsense\n")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_audit")


def test_the_digest_of_a_disclosure_tells_profiles_from_subjects() -> None:
    one = uuid4()
    disclose(TESTER, "a", [one])
    disclose(TESTER, "a", subjects=[one])
    first, second = AuditEntry.objects.order_by("id").values_list("details__digest", flat=True)
    assert first != second and Disclosure.objects.count() == 2


def test_kept_lines_are_read_back(anchored: Path) -> None:
    anchor.note(7, b"\x01" * 32)
    assert anchor.kept() == {7: b"\x01" * 32}
