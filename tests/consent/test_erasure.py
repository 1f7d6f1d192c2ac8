"""Erasure reaches every store, may be tried again and again, keeps what a statute names, and says so in a certificate."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction

from cdp import pipeline
from cdp.core import crypto, privacy
from cdp.core.models import AuditEntry, DataKey
from cdp.core.types import now
from cdp.events import privacy as events_privacy
from cdp.events.actions import store
from cdp.events.models import Event, Quarantined
from consent import erasure, journal, suppression, tasks
from consent.models import ConsentRecord, PrivacyRequest
from consent.request_models import Erasure, ErasureStep, KeptTransaction
from identity import actions as identity
from identity.models import Profile, ProfileChange, Record, ReviewCase
from segments.models import Transition
from tests.consent.erased import EMAIL, OFFICER, approved, erased, event, holding, profile_of, somebody
from tests.flow.doors import Tool, segment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_journal(settings: Any, tmp_path: Any) -> None:
    settings.ERASURE_JOURNAL = str(tmp_path / "erasures.jsonl")


def test_an_erasure_leaves_nothing_in_any_store() -> None:
    record, other = somebody(), somebody("u2", "else@shop.example", "010-9999-8888")
    profile, subject = profile_of(record), crypto.subjects([record])[record]
    assert Quarantined.objects.count() == 2
    told = erased(record)
    assert holding(str(record)) == set() and not Event.objects.filter(record=record).exists()
    assert holding(str(profile)) <= {
        "identity_profilechange",
        "identity_profile",
        "core_auditentry",
        "segments_transition",
        "core_sequence",
    }
    assert not DataKey.objects.filter(record=record).exists() and Quarantined.objects.count() == 1
    assert told.records == [] and told.state == "done"
    stores = set(told.certificate["erased"])
    assert {"events_event", "events_quarantined", "keys.core_datakey", "identity_record", "identity_identifier",
            "identity_blockingkey", "identity_householdhint", "identity_reviewcase", "profiles_golden",
            "profiles_contactpoint", "segments_membership", "segments_transition", "consent_effective",
            "django_admin_log"} <= stores  # fmt: skip
    assert told.certificate["erased"]["events_event"] == 2 and told.certificate["erased"]["django_admin_log"] == 1
    assert told.certificate["severed"]["consent_consentrecord"] == 1
    assert ConsentRecord.objects.filter(subject=subject).count() == 1, "the ledger stays, and leads to nobody"
    assert Record.objects.filter(pk=other).exists() and profile_of(other)


def test_what_happened_to_a_profile_names_no_erased_record_and_still_names_the_others() -> None:
    gone, stays = somebody(), somebody("u2", "else@shop.example", "010-9999-8888")
    case = ReviewCase.objects.create(left=min(gone, stays), right=max(gone, stays), reason="given names")
    with transaction.atomic():
        identity.decide_case(OFFICER, case, "same")
    pipeline.advance()
    assert profile_of(gone) == profile_of(stays)
    changes = ProfileChange.objects.filter(kind__in=("created", "merged"))
    named = [one for records in changes.values_list("records", flat=True) for one in records]
    assert len(named) == 3 and set(named) == {str(gone), str(stays)}
    erased_now = privacy.hooks()["identity.privacy"].erase([gone])
    assert erased_now["identity_profilechange"] == named.count(str(gone))
    assert {one for records in changes.values_list("records", flat=True) for one in records} == {str(stays)}


def test_the_request_is_answered_and_the_certificate_names_what_stays() -> None:
    record = somebody()
    told = erased(record)
    request = PrivacyRequest.objects.get(pk=told.request_id)
    assert (request.state, request.closed_by) == ("done", "system:erasure") and request.closed_at
    certificate = told.certificate
    assert certificate["destinations"] == [] and certificate["nothing_kept_in"] == list(erasure.KEEP_NOTHING)
    assert certificate["suppressed_identifiers"] >= 4
    finished = told.finished_at
    assert finished and certificate["backups_expire_on"] == str((finished + timedelta(hours=9)).date() + timedelta(35))
    [kept] = certificate["kept"]
    assert (kept["statute"], kept["rows"]) == ("kr_ecommerce", 1) and "전자상거래법" in kept["article"]


def test_a_statute_keeps_what_identifies_a_transaction_and_nothing_else() -> None:
    record = somebody()
    old = event("Order Completed", order_id="o-old", revenue=1, currency="KRW", at=now() - timedelta(days=5 * 366))
    store([old])
    erased(record)
    [row] = KeptTransaction.objects.all()
    assert (row.order_id, row.revenue, row.currency, row.name) == ("o-u1", 90_000, "KRW", "Order Completed")
    assert row.keep_until.year - now().year in (4, 5)
    assert {field.name for field in KeptTransaction._meta.get_fields()} == {
        "id", "erasure", "statute", "brand", "order_id", "name", "occurred_at", "currency", "revenue", "keep_until",
    }  # fmt: skip
    assert erasure.destroy_expired(row.keep_until - timedelta(days=1)) == 0
    assert erasure.destroy_expired(row.keep_until) == 1 and not KeptTransaction.objects.exists()


def test_without_a_transaction_nothing_is_kept() -> None:
    record = somebody()
    Event.objects.filter(order_id__isnull=False).delete()
    assert erased(record).certificate["kept"] == [] and not KeptTransaction.objects.exists()


def test_an_erased_person_cannot_come_back_in_any_spelling() -> None:
    record = somebody()
    erased(record)
    names = {("email", EMAIL), ("phone", "+821023456789"), suppression.record_name(record)}
    assert suppression.stopped(names) == names
    store([event("Identify", "identify", sealed={"attributes": {"email": EMAIL.upper()}})])
    pipeline.advance()
    assert not Record.objects.filter(pk=record).exists()


def test_downstream_is_told_by_tombstones() -> None:
    record = somebody()
    profile = profile_of(record)
    segment("buyers", {"trait": "orders_count", "op": "gte", "value": 1})
    pipeline.advance()
    tool = Tool("profiles:read", "members:read")
    assert Transition.objects.filter(profile=profile, kind="entered").exists()
    erased(record)
    assert Profile.objects.get(pk=profile).state == "erased"
    assert tool.client.get(f"/api/v1/profiles/{profile}").status_code == 410
    told = tool.get("/profiles/changes")["results"]
    assert [row["kind"] for row in told if row["profile"] == str(profile)][-1] == "erased"
    left = tool.get("/segments/buyers/changes", purpose="marketing", channel="email")["results"]
    assert [(row["kind"], row["reason"]) for row in left if row["profile_id"] == str(profile)] == [("left", "erased")]


def test_run_again_it_changes_nothing() -> None:
    told = erased(somebody())
    before = (told.certificate, told.finished_at, len(journal.entries()), AuditEntry.objects.count())
    assert erasure.run(told.pk) and tasks.erasure.run_open() == 0
    again = Erasure.objects.get(pk=told.pk)
    assert (again.certificate, again.finished_at, len(journal.entries()), AuditEntry.objects.count()) == before


def test_a_failed_store_is_shown_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    record = somebody()
    request = approved(record)
    pk = request.erasure.pk

    def broken(records: list[UUID]) -> dict[str, int]:
        raise RuntimeError(f"cannot erase {EMAIL}")

    with monkeypatch.context() as patch:
        patch.setattr(events_privacy, "erase", broken)
        assert not erasure.run(pk)
    step = ErasureStep.objects.get(erasure=pk, hook="cdp.events.privacy")
    failed = Erasure.objects.get(pk=pk)
    assert (failed.state, step.failed, step.tries) == ("failed", "RuntimeError", 1)
    assert failed.retry_at and failed.retry_at > now() and erasure.run_open() == 0, "not before its time"
    assert EMAIL not in str(AuditEntry.objects.filter(action="erasure.failed").values())
    assert ErasureStep.objects.filter(erasure=pk, done_at=None).count() == 1, "what is done stays done"
    assert DataKey.objects.filter(record=record).exists()
    erasure.retry(OFFICER, pk)
    tasks.work()
    assert Erasure.objects.get(pk=pk).state == "done" and not DataKey.objects.filter(record=record).exists()


def test_what_comes_in_while_it_runs_is_erased_too(monkeypatch: pytest.MonkeyPatch) -> None:
    record = somebody()
    request = approved(record)
    close = erasure._close

    def late(pk: UUID) -> None:
        store([event("Page Viewed", "page")])
        close(pk)

    monkeypatch.setattr(erasure, "_close", late)
    assert erasure.run(request.erasure.pk)
    assert holding(str(record)) == set()
    assert Erasure.objects.get(pk=request.erasure.pk).certificate["erased"]["events_event"] == 3


def test_nothing_is_deleted_before_the_journal_is_on_disk(settings: Any, tmp_path: Any) -> None:
    record = somebody()
    request = approved(record)
    (tmp_path / "no folder").write_text("")
    settings.ERASURE_JOURNAL = str(tmp_path / "no folder" / "erasures.jsonl")
    assert not erasure.run(request.erasure.pk)
    assert Event.objects.filter(record=record).count() == 2 and DataKey.objects.filter(record=record).exists()
    assert Erasure.objects.get(pk=request.erasure.pk).state == "failed"


def test_every_model_with_personal_data_has_a_hook() -> None:
    erases = {table.removeprefix("keys.") for hook in privacy.hooks().values() for table in hook.erase([])}
    ours = [model for model in apps.get_models() if model.__module__.split(".")[0] in OURS]
    speaking = {model._meta.db_table for model in ours if speaks_of_people(model)}
    assert speaking - erases - SEVERED_OR_OPAQUE.keys() == set()


OURS = ("cdp", "identity", "consent", "segments")
ABOUT = {"record", "records", "profile", "profiles", "subject", "subjects", "left", "right", "leaf", "row"}
# table → why it needs no hook: append-only and severed, about no person, or destroyed by its own part's rules.
SEVERED_OR_OPAQUE = {
    "core_auditentry": "append-only; names people by the id of the destroyed key",
    "core_disclosure": "append-only; the same",
    "core_authenticator": "a second factor of staff, sealed",
    "segments_destination": "a secret that signs messages, sealed",
    "ingestion_upload": "a file under a key of its own, destroyed when its rows are kept or a day has passed",
    "ingestion_pull": "the password of another database and how far its table is read, sealed",
    "core_keyencryptionkey": "keys of keys",
    "core_indexkey": "keys of keys",
    "core_keyproof": "keys of keys",
    "core_sequence": "numbers of rows, and the audit's hashes",
    "core_unnumbered": "numbers of rows",
    "core_watermark": "places of stages",
    "core_touched": "ids that wait for a stage, taken within seconds",
    "consent_privacyrequest": "names the person by the destroyed key; its address goes once they were told",
    "consent_legalhold": "names the person by the destroyed key",
    "consent_erasure": "the job itself: forgets the records when it is done",
    "consent_resultnotice": "hangs on the ledger",
    "identity_profile": "stays as a tombstone",
    "identity_profilechange": "append-only; the ids that downstream reads as tombstones, and no erased record's",
    "identity_linkagemodel": "trial examples are forgotten by identity's hook",
}


def speaks_of_people(model: type[models.Model]) -> bool:
    """Whether a column holds something sealed or digested, or points at a person."""
    for field in model._meta.get_fields():
        if not isinstance(field, models.Field):
            continue
        pointed = field.related_model in (Profile, Record) and not field.primary_key
        named = field.name in ABOUT and isinstance(field, models.UUIDField | ArrayField)
        if pointed or named or (isinstance(field, models.BinaryField) and field.name != "digest"):
            return True
    return False


def test_the_certificate_s_empty_stores_are_empty() -> None:
    """Exports are streamed, tasks keep no result: nothing of anybody lies there."""
    from django.conf import settings
    from django.core.cache import cache

    assert settings.CELERY_TASK_IGNORE_RESULT is True
    record = somebody()
    erased(record)
    client = cache._cache.get_client()  # type: ignore[attr-defined]
    assert not [key for key in client.scan_iter() if str(record).encode() in key]
