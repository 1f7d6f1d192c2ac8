"""Writing the ledger."""

from datetime import datetime
from uuid import uuid4

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError

from cdp.core import crypto
from cdp.core.models import Counter, Touched
from consent.actions import record_consents
from consent.models import ConsentRecord
from tests.consent.people import day, holds, line, person, record, say, source

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("change", ["update", "delete"])
def test_rule_1_the_ledger_is_append_only(change: str) -> None:
    _, who = person()
    say(who, "granted", day(1))
    lines = ConsentRecord.objects.all()
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        lines.update(state="withdrawn") if change == "update" else lines.delete()
    assert ConsentRecord.objects.get().state == "granted"


def test_rule_1_a_line_names_the_person_by_the_random_id_of_its_data_key_and_seals_its_proof() -> None:
    _, who = person()
    say(who, "granted", day(1), proof={"form": "김하늘 서명"}, source=source().id, notice_version="3")
    written = ConsentRecord.objects.get()
    key = crypto.data_keys([who])[who]
    assert (written.subject, written.basis, written.notice_version) == (key.id, "consent", "3")
    assert "김하늘".encode() not in bytes(written.proof)
    assert crypto.unseal(key, "consent_consentrecord", "proof", written.proof) == {"form": "김하늘 서명"}


def test_rule_2_agreeing_to_all_writes_one_line_a_purpose() -> None:
    _, who = person()
    chosen = ["service", "marketing", "personalisation"]
    assert record_consents(line(who, "granted", day(1), purpose=purpose, channel=None) for purpose in chosen) == 3


def test_rule_9_a_blank_column_writes_nothing() -> None:
    _, who = person()
    assert say(who, "", day(1)) == 0
    assert (ConsentRecord.objects.count(), Touched.objects.count()) == (0, 0)


def test_writing_a_line_again_changes_nothing() -> None:
    _, who = person()
    given = line(who, "granted", day(1))
    assert record_consents([given, given]) == 1
    Touched.objects.all().delete()
    assert record_consents([given]) == 0
    assert (ConsentRecord.objects.count(), Touched.objects.count()) == (1, 0)


def test_what_is_unknown_is_counted_and_not_written() -> None:
    _, who = person()
    shop = source().id
    unknown = [{"purpose": "sale"}, {"channel": "fax"}, {"state": "perhaps"}]
    for fields in unknown:
        record_consents([line(who, **{"state": "granted", "at": day(1), "source": shop} | fields)])
    counted = dict(Counter.objects.filter(source=shop).values_list("kind", "count"))
    assert counted == {f"consent_unknown_{what}": 1 for what in ("purpose", "channel", "state")}
    assert ConsentRecord.objects.count() == 0


def test_it_touches_the_profiles_of_the_record_and_of_everyone_who_holds_the_contact_point() -> None:
    father, fathers = person()
    son, sons = person()
    _, stranger = person()
    for who in (fathers, sons):
        holds(who, "phone", b"shared number".ljust(32))
    say(stranger, "granted", day(1))
    Touched.objects.all().delete()
    say(None, "withdrawn", day(2), contact=("phone", b"shared number".ljust(32)), channel="sms")
    assert set(Touched.objects.values_list("stage", "subject")) == {("consent", father), ("consent", son)}


def test_a_record_without_a_profile_is_written_and_touches_nobody() -> None:
    assert say(record(None), "granted", day(1)) == 1
    assert say(uuid4(), "granted", day(1)) == 1
    assert not Touched.objects.exists()


def test_a_line_must_name_somebody_and_a_zone() -> None:
    with pytest.raises(ValueError, match="names a record"):
        line(None, "granted", day(1))
    with pytest.raises(ValueError, match="time zone"):
        line(uuid4(), "granted", datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="sealed under a record"):
        line(None, "granted", day(1), contact=("email", b"x" * 32), proof={})
