"""Files of members: sealed while they are kept, right when they are fetched, and gone when somebody in them is erased."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection
from pyarrow.parquet import ParquetFile

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.locks import alone
from cdp.core.models import AuditEntry, DataKey, Disclosure
from cdp.profiles.models import ContactPoint
from consent import suppression
from identity.models import Profile, Record
from segments import export_jobs, exports, privacy, traits
from segments.models import ExportJob, ExportPart, Segment
from tests.segments.people import ACTOR, NOW, record_of, says
from tests.segments.test_contacts_sent import widened
from tests.segments.test_export import approved
from tests.segments.test_reading import MAIL, filled
from tests.segments.test_traits import trait

pytestmark = pytest.mark.django_db
CONTACT = "canary@example.com"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "GATE_CHUNK", 2)


class Contacts(dict[UUID, str]):
    """Contact values as they are read from sealed records, and the contact points that name them."""

    def hold(self, profile: UUID, value: str) -> None:
        self[profile] = value
        digest = crypto.contact_digest("email", value)
        ContactPoint.objects.create(record_id=record_of(profile), kind="email", digest=digest, valid_from=NOW)


@pytest.fixture
def contacts(monkeypatch: pytest.MonkeyPatch) -> Contacts:
    values = Contacts()
    monkeypatch.setattr("cdp.profiles.queries.contact_values", lambda _members, _kind: values)
    return values


def ask(made: Segment, fmt: Any = "csv", *columns: str, **more: Any) -> ExportJob:
    return export_jobs.ask(ACTOR, made, *MAIL, fmt, columns or ("profile_id",), **more)


def ready(made: Segment, fmt: Any = "csv", *columns: str, **more: Any) -> ExportJob:
    job = ask(made, fmt, *columns, **more)
    export_jobs.work()
    job.refresh_from_db()
    assert job.state == "done", job.failed
    return job


def fetched(job: ExportJob) -> bytes:
    """What is sent, which must be what the row says of it."""
    told, parts = export_jobs.fetched(ACTOR, job.pk)
    content = b"".join(parts)
    assert (told.size, told.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    job.refresh_from_db()
    assert (job.size, job.sha256, job.count) == (told.size, told.sha256, told.count)
    return content


def ids_in(fmt: str, content: bytes) -> list[UUID]:
    if fmt == "parquet":
        return [UUID(one) for one in ParquetFile(io.BytesIO(content)).read().column(0).to_pylist()]
    if fmt == "ndjson":
        return [UUID(json.loads(line)["profile_id"]) for line in content.splitlines()]
    return [UUID(line) for line in content.decode().splitlines()[1:]]


def refused(code: str, act: Callable[[], Any]) -> None:
    with pytest.raises(Refused) as raised:
        act()
    assert raised.value.code == code


@pytest.mark.parametrize("fmt", ["csv", "ndjson", "parquet"])
def test_a_file_is_what_the_stream_is_and_says_how_long_and_of_whom(fmt: Any) -> None:
    made, ids = filled(5)
    streamed = b"".join(exports.export(made, *MAIL, fmt, actor=ACTOR))
    job = ask(made, fmt, *exports.default_columns(made))
    refused("export_not_ready", lambda: export_jobs.fetched(ACTOR, job.pk))
    export_jobs.work()
    assert fetched(job) == streamed and job.count == len(ids) and job.percent == 100
    assert job.made_at and job.ends_at == job.made_at + settings.EXPORT_KEPT
    parts = list(job.parts.order_by("number"))
    assert [len(part.members) for part in parts] == [2, 2, 1] and all(part.at <= job.made_at for part in parts)
    assert sorted(part.at for part in parts) == [part.at for part in parts]
    logged = AuditEntry.objects.filter(action="export_file.part").values_list("details__disclosure", flat=True)
    told = Disclosure.objects.filter(pk__in=[UUID(one) for one in logged])
    assert {one for row in told for one in row.profiles} == set(ids)


@pytest.mark.parametrize("fmt", ["csv", "ndjson", "parquet"])
def test_whoever_takes_back_consent_is_left_out_when_it_is_fetched(fmt: Any) -> None:
    made, ids = filled(5)
    job = ready(made, fmt)
    before = job.sha256
    says([ids[0], ids[3]], "withdrawn")
    assert ids_in(fmt, fetched(job)) == [ids[1], ids[2], ids[4]]
    assert (job.count, job.left_out) == (3, 2) and job.sha256 != before
    says([ids[1]], "withdrawn")
    assert ids_in(fmt, fetched(job)) == [ids[2], ids[4]] and job.left_out == 3
    says(ids, "withdrawn")
    assert ids_in(fmt, fetched(job)) == [] and job.count == 0


def test_a_computed_trait_that_is_archived_meanwhile_keeps_its_type_in_the_file() -> None:
    spent = trait("spent")
    made, _ids = filled(2)
    job = ready(made, "parquet", "profile_id", "computed.spent")
    traits.archive(ACTOR, spent)
    assert ParquetFile(io.BytesIO(fetched(job))).schema_arrow.field("computed.spent").type == "double"


def test_it_breaks_off_before_a_part_in_which_somebody_takes_back_consent_meanwhile() -> None:
    made, ids = filled(5)
    told, content = export_jobs.fetched(ACTOR, ready(made).pk)
    sent = next(content) + next(content)
    says([ids[4]], "withdrawn")
    sent += next(content)
    refused("export_changed", lambda: next(content))
    assert ids_in("csv", sent) == ids[:4] and len(sent) < told.size
    assert AuditEntry.objects.filter(action="export_file.part").count() == 2


def test_contact_values_are_sealed_and_one_on_the_suppression_list_leaves_no_more(contacts: Contacts) -> None:
    made, (a, b, c) = filled()
    contacts.hold(a, CONTACT)
    contacts.hold(c, "=other@example.com")
    asked: Any = {"personal": True, "approval": approved(made)}
    job = ready(made, "csv", "profile_id", "contact", **asked)
    for part in ExportPart.objects.all():
        assert CONTACT.encode() not in bytes(part.sealed)
    assert fetched(job).decode().splitlines()[1:] == [f"{a},{CONTACT}", f"{b},", f"{c},'=other@example.com"]
    suppression.add(ACTOR, [("email", CONTACT)], "asked")
    assert fetched(job).decode().splitlines()[1:] == [f"{b},", f"{c},'=other@example.com"]
    refused("not_approved", lambda: ask(made, "csv", "contact", **asked))


def test_a_contact_value_that_is_another_s_by_now_leaves_no_more(contacts: Contacts) -> None:
    made, (a, b) = filled(2)
    contacts.hold(a, CONTACT)
    contacts.hold(b, "other@example.com")
    job = ready(made, "ndjson", "profile_id", "contact", personal=True, approval=approved(made))
    ContactPoint.objects.filter(
        record_id=record_of(b), digest=crypto.contact_digest("email", "other@example.com")
    ).update(usable=False)
    assert ids_in("ndjson", fetched(job)) == [a]
    Record.objects.filter(pk=record_of(a)).update(profile=b)
    assert ids_in("ndjson", fetched(job)) == [] and job.left_out == 2


def test_an_approval_that_says_another_segment_makes_no_file(contacts: Contacts) -> None:
    made, _ids = filled()
    job = ask(made, "csv", "contact", personal=True, approval=approved(made))
    widened(made)
    export_jobs.work()
    job.refresh_from_db()
    assert (job.state, job.failed) == ("failed", "approval_outdated") and not job.parts.exists()
    refused("export_failed", lambda: export_jobs.fetched(ACTOR, job.pk))


def test_nobody_fills_the_disk_with_files(monkeypatch: pytest.MonkeyPatch, contacts: Contacts) -> None:
    monkeypatch.setattr(export_jobs, "MOST_KEPT", 2)
    made, _ids = filled()
    first, _second = ask(made), ask(made)
    word = approved(made)
    refused("too_many_files", lambda: ask(made, "csv", "contact", personal=True, approval=word))
    export_jobs.delete(ACTOR, first.pk)
    assert ask(made, "csv", "contact", personal=True, approval=word).state == "waiting", "the approval was not spent"


def test_each_address_once_is_so_from_the_beginning_however_often_it_is_begun(contacts: Contacts) -> None:
    made, ids = filled(4)
    for one in ids:
        contacts.hold(one, CONTACT)
    job = ready(made, "ndjson", "profile_id", "contact", personal=True, approval=approved(made), once=True)
    assert ids_in("ndjson", fetched(job)) == [ids[0]]


def test_an_erasure_destroys_the_files_the_person_is_in_and_no_other() -> None:
    made, ids = filled(3)
    job = ready(made)
    says([ids[0]], "withdrawn")
    other = ready(made)
    record = list(Record.objects.filter(profile=ids[0]).values_list("pk", flat=True))
    told = privacy.export(record)["files"]
    assert [(row["segment"], row["asked_by"]) for row in told] == [(made.key, ACTOR.name)]
    assert privacy.erase(record)["segments_exportpart"] == 2
    job.refresh_from_db()
    assert (job.state, job.why_gone) == ("gone", "erased") and not job.parts.exists()
    assert job.pk not in crypto.existing_data_keys([job.pk])
    refused("export_gone", lambda: export_jobs.fetched(ACTOR, job.pk))
    assert ids_in("csv", fetched(other)) == ids[1:]
    assert privacy.erase(record)["segments_exportpart"] == 0


def test_an_erasure_destroys_the_files_of_whoever_was_merged_since_too() -> None:
    made, (a, b) = filled(2)
    job = ready(made)
    Record.objects.filter(profile=a).update(profile=b)
    Profile.objects.filter(pk=a).update(state="merged", redirect_id=b)
    says([b], "withdrawn")
    assert ids_in("csv", fetched(job)) == []
    other = ready(made)
    ExportPart.objects.create(job=other, number=7, at=NOW, members=[a], sealed=b"")
    privacy.erase(list(Record.objects.filter(profile=b).values_list("pk", flat=True)))
    other.refresh_from_db()
    assert other.why_gone == "erased"


def test_its_time_ends_and_it_is_destroyed() -> None:
    made, _ids = filled()
    job = ready(made)
    ExportJob.objects.update(ends_at=job.made_at - timedelta(seconds=1))  # type: ignore[operator]
    refused("export_gone", lambda: export_jobs.fetched(ACTOR, job.pk))
    export_jobs.work()
    job.refresh_from_db()
    assert (job.state, job.why_gone) == ("gone", "ended") and not job.parts.exists()
    assert not DataKey.objects.filter(record=job.pk).exists()
    assert job.count == 3, "what it was is told on"


class Killed(BaseException):
    """As a worker that dies: nothing of ours catches it."""


def interrupted(monkeypatch: pytest.MonkeyPatch, after: int, act: Callable[[], None]) -> None:
    """Do something once so many parts are asked for."""
    real = exports.Export.chunks

    def chunks(self: exports.Export) -> Iterator[Any]:
        for number, chunk in enumerate(real(self)):
            if number == after:
                act()
            yield chunk

    monkeypatch.setattr(exports.Export, "chunks", chunks)


def test_a_worker_that_dies_is_followed_by_another_that_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made, ids = filled(5)
    job = ask(made)

    def die() -> None:
        raise Killed

    with monkeypatch.context() as broken:
        interrupted(broken, 2, die)
        with pytest.raises(Killed):
            export_jobs.work()
    assert job.parts.count() == 2 and ExportJob.objects.get().state == "running"
    export_jobs.work()
    assert ids_in("csv", fetched(job)) == ids and job.parts.count() == 3


def test_what_kills_every_worker_is_given_up() -> None:
    made, _ids = filled()
    job = ask(made)
    ExportJob.objects.update(begun=export_jobs.MOST_BEGUN)
    export_jobs.work()
    job.refresh_from_db()
    assert (job.state, job.failed) == ("failed", "killed")


def test_a_fault_is_told_as_its_kind(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    made, _ids = filled()
    job = ask(made)

    def fail() -> None:
        raise LookupError(CONTACT)

    interrupted(monkeypatch, 1, fail)
    export_jobs.work()
    job.refresh_from_db()
    assert (job.state, job.failed) == ("failed", "LookupError") and not job.parts.exists()
    assert "LookupError" in caplog.text and CONTACT not in caplog.text


def test_a_file_that_is_deleted_while_it_is_made_is_made_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ids = filled(5)
    job = ask(made)
    interrupted(monkeypatch, 1, lambda: export_jobs.delete(ACTOR, job.pk))
    export_jobs.work()
    job.refresh_from_db()
    assert (job.state, job.why_gone) == ("gone", "deleted") and not job.parts.exists()
    export_jobs.delete(ACTOR, job.pk)
    assert AuditEntry.objects.filter(action="export_file.deleted").count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_worker_makes_a_file() -> None:
    made, _ids = filled()
    job = ask(made)

    def tried() -> None:
        export_jobs.work()
        connection.close()

    with alone(export_jobs.TABLE, job.pk) as mine, ThreadPoolExecutor(1) as pool:
        pool.submit(tried).result()
        assert mine
    assert ExportJob.objects.get().state == "waiting"
    export_jobs.work()
    assert ExportJob.objects.get().state == "done"
