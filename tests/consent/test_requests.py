"""Suppression, privacy requests and their clocks, and what consent exports and erases."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from cdp.core import crypto
from cdp.core.errors import NotReadable, Refused
from cdp.core.models import AuditEntry, DataKey, Touched
from cdp.core.types import Actor
from consent import actions, clocks, privacy, regimes, suppression
from consent.models import ConsentRecord, Effective, Regime
from identity.linkage.normalise import identifier
from tests.consent.people import NOW, day, person, record, say

OFFICER = Actor("user:officer")


def name_of(kind: str, spelled: str) -> suppression.Name:
    return kind, identifier(kind, spelled) or ""


@pytest.mark.django_db
def test_a_suppressed_value_is_found_in_any_spelling() -> None:
    assert actions.suppress(OFFICER, "phone", ["010-2345-6789"], "erased") == 1
    assert actions.suppress(OFFICER, "email", ["ＫＩＭ@X.kr"], "erased") == 1
    for kind, spelled in [("phone", "+82 10 2345 6789"), ("phone", "01023456789"), ("email", "kim@x.kr")]:
        assert suppression.stopped([name_of(kind, spelled)]) == {name_of(kind, spelled)}
    assert suppression.stopped([name_of("phone", "010-2345-6780"), name_of("user_id", "kim@x.kr")]) == set()


@pytest.mark.django_db
def test_suppressing_again_adds_nothing_and_is_audited_without_the_value() -> None:
    assert [actions.suppress(OFFICER, "email", ["kim@x.kr", "KIM@x.kr"], "asked") for _ in range(2)] == [1, 0]
    entries = AuditEntry.objects.filter(action="suppression.added").values_list("actor", "target", "details")
    added = [{"reason": "asked", "asked": 1, "added": number} for number in (1, 0)]
    assert sorted(entries, key=str, reverse=True) == [("user:officer", "email", details) for details in added]


@pytest.mark.django_db
def test_what_can_never_match_is_refused_and_nothing_is_written() -> None:
    with pytest.raises(Refused):
        actions.suppress(OFFICER, "email", ["kim@x.kr", "no address"], "erased")
    assert suppression.stopped([name_of("email", "kim@x.kr")]) == set()


def shipped(key: str) -> Regime:
    return next(Regime(key=one, **asks) for one, _korean, _english, asks in regimes.SHIPPED if one == key)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 6, 1), date(2026, 6, 11)),  # ten days without the first
        (date(2026, 6, 3), date(2026, 6, 15)),  # ends on a Saturday
        (date(2026, 6, 4), date(2026, 6, 15)),  # on a Sunday
        (date(2026, 2, 6), date(2026, 2, 19)),  # on the Seollal holidays, 16 to 18 February
        (date(2026, 2, 19), date(2026, 3, 3)),  # 1 March is a Sunday, its substitute the Monday
        (date(2026, 12, 22), date(2027, 1, 4)),  # New Year's Day, then a week-end
    ],
)
def test_the_pipa_clock(received: date, due: date) -> None:
    assert clocks.due(shipped("pipa"), received) == due


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 12, 5), date(2027, 1, 5)),
    ],
)
def test_the_gdpr_clock(received: date, due: date) -> None:
    assert clocks.due(shipped("gdpr"), received) == due


@pytest.mark.django_db
def test_the_ccpa_clock_and_the_day_in_seoul() -> None:
    assert clocks.due(shipped("ccpa"), date(2026, 1, 1)) == date(2026, 2, 15)
    assert clocks.due_on("gdpr", datetime(2026, 5, 31, 15, tzinfo=UTC)) == date(2026, 7, 1)
    with pytest.raises(Refused, match="no clock"):
        clocks.due_on("utopia", NOW)


@pytest.mark.django_db
def test_a_request_starts_its_clock_and_is_audited() -> None:
    _, who = person()
    subject = crypto.subjects([who])[who]
    request = actions.open_request(OFFICER, "erasure", subject, received_at=NOW)
    assert (request.state, request.due_on, request.received_by) == ("received", date(2026, 6, 11), "user:officer")
    entry = AuditEntry.objects.get(action="privacy_request.opened")
    assert (entry.subject, entry.target) == (subject, str(request.id))
    with pytest.raises(Refused, match="no such kind"):
        actions.open_request(OFFICER, "applause", uuid4())


@pytest.mark.django_db
def test_export_gives_the_lines_of_these_records_only_with_their_proof() -> None:
    of, who = person()
    say(who, "granted", day(1), proof={"ip": "203.0.113.0"})
    say(record(of), "withdrawn", day(2))
    actions.open_request(OFFICER, "access", crypto.subjects([who])[who], received_at=NOW)
    told = privacy.export([who])
    assert [(line["state"], line["proof"]) for line in told["consents"]] == [("granted", {"ip": "203.0.113.0"})]
    assert [request["kind"] for request in told["requests"]] == ["access"]


@pytest.mark.django_db
def test_erasure_severs_the_ledger_and_leaves_what_other_records_say() -> None:
    of, who = person()
    other = record(of)
    say(who, "withdrawn", day(1), proof="signature")
    say(other, "granted", day(2))
    actions.refresh_effective([of])
    Touched.objects.all().delete()
    key = crypto.data_keys([who])[who]
    told = privacy.erase([who])
    assert told == {
        "consent_effective": 1, "consent_challenge": 0, "consent_consentrecord": 1, "consent_privacyrequest": 0,
    }  # fmt: skip
    assert list(Touched.objects.values_list("stage", "subject")) == [("consent", of)]
    DataKey.objects.filter(record=who).delete()
    actions.refresh_effective([of])
    assert Effective.objects.get(profile=of).state == "granted"
    kept = ConsentRecord.objects.get(subject=key.id)
    with pytest.raises(NotReadable):
        crypto.unseal(crypto.existing_data_keys([who]).get(who), "consent_consentrecord", "proof", kept.proof)
    assert privacy.erase([who])["consent_consentrecord"] == 0
