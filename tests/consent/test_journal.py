"""The journal of erasures: on disk before anything is deleted, torn lines cut off, replayed after a restore."""

import json
import os
import signal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from cdp.core.errors import Refused
from cdp.core.models import DataKey
from cdp.core.types import now
from consent import erasure, journal, suppression
from consent.models import PrivacyRequest, Suppression
from consent.request_models import Erasure
from identity.models import Record
from tests.consent.erased import EMAIL, erased, holding, profile_of, somebody


@pytest.fixture(autouse=True)
def path(settings: Any, tmp_path: Path) -> Path:
    settings.ERASURE_JOURNAL = str(tmp_path / "kept" / "erasures.jsonl")
    return Path(settings.ERASURE_JOURNAL)


def entry(**more: Any) -> journal.Entry:
    return journal.Entry(
        **{"erasure": uuid4(), "at": now(), "subjects": [uuid4()], "digests": [b"\1" * 32], "records": 1, **more}
    )


def test_what_was_written_is_read_and_nobody_else_may_read_it(path: Path) -> None:
    one, two = entry(), entry(subjects=[])
    journal.begun(one)
    journal.begun(two)
    journal.finished(one.erasure, now())
    assert journal.entries() == [journal.Entry(**{**vars(one), "done": True}), two]
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700


def test_a_line_cut_short_is_cut_off_and_a_damaged_one_refused(path: Path) -> None:
    one, two = entry(), entry()
    journal.begun(one)
    with path.open("ab") as file:
        file.write(b'{"v":1,"erasure":"')
    assert journal.entries() == [one]
    journal.begun(two)
    assert journal.entries() == [one, two]
    path.write_bytes(path.read_bytes().replace(b"subjects", b"suXjects", 1))
    with pytest.raises(Refused, match="cannot be read"):
        journal.entries()


def test_each_line_is_synced_before_the_call_returns(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    synced: list[bytes] = []
    fsync = os.fsync

    def seen(file: int) -> None:
        synced.append(path.read_bytes())
        fsync(file)

    monkeypatch.setattr(os, "fsync", seen)
    one = entry()
    journal.begun(one)
    assert str(one.erasure).encode() in synced[0] and len(synced) == 2, "the file, then its folder"


def test_writers_at_once_lose_no_line(path: Path) -> None:
    children = []
    for _ in range(4):
        if (child := os.fork()) == 0:
            try:
                for _ in range(20):
                    journal.begun(entry())
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert len(journal.entries()) == 80


@pytest.mark.django_db(transaction=True)
def test_it_holds_no_personal_value_and_no_record(path: Path) -> None:
    record = somebody()
    profile, told = profile_of(record), erased(record)
    written = path.read_text()
    for secret in (EMAIL, "+821023456789", "Erin", str(record), record.hex, str(profile)):
        assert secret not in written
    [known] = journal.entries()
    assert known.done and known.erasure == told.pk and known.subjects == told.subjects
    assert suppression.digests_of([("email", EMAIL)])[0] in known.digests
    assert set(json.loads(written.splitlines()[0])) == {"v", "erasure", "at", "subjects", "digests", "records"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keys_are_back", [True, False])
def test_a_restored_person_is_erased_again_before_serving(keys_are_back: bool) -> None:
    record = somebody()
    kept = list(DataKey.objects.filter(record=record).values())
    told = erased(record)
    restore(told)
    assert somebody() == record
    if keys_are_back:
        # The restored key bears the id that the journal knows.
        DataKey.objects.filter(record=record).update(id=kept[0]["id"])
        Record.objects.filter(pk=record).update(attributes=None)
    with pytest.raises(ImproperlyConfigured, match="replay_erasures"):
        journal.refuse_unreplayed()
    call_command("replay_erasures")
    journal.refuse_unreplayed()
    again = Erasure.objects.get(pk=told.pk)
    assert again.replayed and again.state == "done" and again.certificate["erased"]["events_event"] == 2
    assert holding(str(record)) == set()
    assert suppression.stopped({("email", EMAIL)})


def restore(told: Erasure) -> None:
    """As from a backup that is older than the erasure: neither it nor its suppression is known."""
    told.kept.all().delete()
    Erasure.objects.filter(pk=told.pk).delete()
    PrivacyRequest.objects.all().delete()
    Suppression.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_an_erasure_at_work_does_not_keep_the_product_from_starting() -> None:
    told = erased(somebody())
    Erasure.objects.filter(pk=told.pk).update(state="running", finished_at=None)
    with pytest.raises(ImproperlyConfigured):
        journal.refuse_unreplayed()  # the journal has seen it done
    begun = entry(erasure=told.pk)
    Path(settings_path()).unlink()
    journal.begun(begun)
    journal.refuse_unreplayed()


def settings_path() -> str:
    from django.conf import settings

    return str(settings.ERASURE_JOURNAL)


@pytest.mark.django_db(transaction=True)
def test_a_replay_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    told = erased(somebody())
    restore(told)
    somebody()

    def broken(records: list[UUID]) -> dict[str, int]:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("cdp.events.privacy.erase", broken)
        with pytest.raises(CommandError, match="not done"):
            call_command("replay_erasures")
    with pytest.raises(ImproperlyConfigured):
        journal.refuse_unreplayed()
    call_command("replay_erasures")
    assert erasure.Erasure.objects.get(pk=told.pk).state == "done"
