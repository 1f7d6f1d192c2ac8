"""The review queue over REST: in order, with what a verdict would change, each decided once and by the right steward."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from cdp.core.models import AuditEntry
from identity.models import Link, Record, ResolutionRun, ReviewCase, Verdict
from segments.models import Segment
from tests.api.people import VALUES, Caller, canary, everything, is_problem, people, record_of, says, segment, walk

pytestmark = pytest.mark.django_db


def steward(*scopes: str, **bound: Any) -> Caller:
    return Caller("identity:write", *scopes, **bound)


def case(one: UUID, other: UUID, priority: float = 1.0, **fields: Any) -> ReviewCase:
    """An open case of the only records of two profiles."""
    left, right = sorted((record_of(one), record_of(other)))
    defaults = {"reason": "gray zone", "weight": 0.25, "priority": priority}
    return ReviewCase.objects.create(left=left, right=right, **defaults | fields)


def test_the_queue_comes_in_order_page_by_page() -> None:
    ids = people(8)
    for number, one in enumerate(ids[1:]):
        case(ids[0], one, priority=(number % 3) / 3)
    case(ids[1], ids[2], state="same")
    pages = list(walk(steward(), "/review/cases", limit=2))
    told = [row["id"] for page in pages for row in page]
    expected = ReviewCase.objects.filter(state="open").order_by("-priority", "id").values_list("pk", flat=True)
    assert [len(page) for page in pages] == [2, 2, 2, 1] and told == [str(pk) for pk in expected]
    assert len(steward().get("/review/cases", state="same").json()["results"]) == 1
    assert steward().get("/review/cases", reason="bridge").json()["results"] == []


@pytest.mark.parametrize("cursor", ["bm9uZQ", "bmFuIDAxOTNh", "x"])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    is_problem(steward().get("/review/cases", cursor=cursor), 400, "invalid")


@pytest.mark.parametrize("path", ["/review/cases", "/review/cases/00000000-0000-7000-8000-000000000000"])
def test_reading_needs_the_steward_s_scope(path: str) -> None:
    is_problem(Caller("profiles:read", "segments:read").get(path), 403, "scope_missing")
    is_problem(Caller("profiles:read").post("/review/next"), 403, "scope_missing")


def test_a_case_has_both_sides_its_weights_and_what_a_verdict_would_change() -> None:
    one, (other,) = canary(), people(1, orders_count=1)
    made = case(one, other)
    told = steward("segments:read").get(f"/review/cases/{made.pk}").json()
    assert [side["id"] for side in told["sides"]] == [str(made.left), str(made.right)]
    weighed = told["weighed"]
    bits = weighed["waterfall"][0]["end"] + sum(one["bits"] for one in weighed["comparisons"])
    assert weighed["weight"] == pytest.approx(bits)
    radius = told["blast_radius"]
    assert radius["verdict"] == "same" and [part["records"] for part in radius["parts"]] == [1, 1]
    assert len({part["after"] for part in radius["parts"]}) == 1
    assert not [value for value in VALUES.values() if value in json.dumps(told, ensure_ascii=False)]
    assert Link.objects.count() == 0


def test_the_blast_radius_tells_a_key_what_it_may_know() -> None:
    one, other = people(2)
    says(one, "granted")
    says(other, "withdrawn")
    segment("everybody", {"trait": "records_count", "op": "gte", "value": 2})
    address = f"/review/cases/{case(one, other).pk}"
    told = steward("segments:read").get(address).json()["blast_radius"]
    assert {shift["name"] for shift in told["segments"]} == {"everybody"}
    assert {shift["segment"] for shift in told["segments"]} == {str(Segment.objects.get().pk)}
    assert {(c["purpose"], c["channel"], c["was"], c["now"]) for c in told["consents"]} >= {
        ("marketing", "email", "granted", "withdrawn")
    }
    assert steward().get(address).json()["blast_radius"]["segments"] == []
    bound = steward("segments:read", purpose="service").get(address).json()["blast_radius"]
    assert bound["consents"] == [] and bound["segments"]


def test_personal_values_need_their_scope_and_a_purpose_and_are_written_down() -> None:
    (other,) = people(1)
    profile = canary()
    address = f"/review/cases/{case(profile, other).pk}"
    is_problem(steward().get(address, personal="true", purpose="marketing"), 403, "scope_missing")
    is_problem(steward("profiles:personal").get(address, personal="true"), 400, "purpose_missing")
    assert not AuditEntry.objects.filter(action="profile.personal_read").exists()
    told = steward("profiles:personal").get(address, personal="true", purpose="marketing").json()
    assert told["personal"][str(record_of(profile))] == VALUES
    assert AuditEntry.objects.filter(action="profile.personal_read", purpose="marketing").count() == 1


def test_a_verdict_is_taken_once() -> None:
    one, other = people(2)
    made = case(one, other)
    address = f"/review/cases/{made.pk}/verdict"
    is_problem(steward().post(address, {"verdict": "obsolete"}), 400, "invalid")
    first = steward()
    answer = first.post(address, {"verdict": "same"}).json()
    assert (answer["state"], answer["profiles"][0]) == ("same", answer["profiles"][1])
    for caller in (first, steward()):
        is_problem(caller.post(address, {"verdict": "different"}), 409, "case_closed")
    assert [(row.word, row.actor[:4]) for row in Verdict.objects.all()] == [("same", "key:")]
    assert first.get(f"/review/cases/{made.pk}").json()["blast_radius"] is None
    is_problem(first.post(f"/review/cases/{uuid4()}/verdict", {"verdict": "same"}), 404, "not_found")
    is_problem(first.get(f"/review/cases/{uuid4()}"), 404, "not_found")


def test_cases_are_handed_out_to_one_key_each_and_not_sure_to_another(settings: Any) -> None:
    settings.REVIEW_DAILY_LIMIT = 2
    ids = people(4)
    low, high = case(ids[0], ids[1], 1.0), case(ids[2], ids[3], 2.0)
    one, other = steward(), steward()
    assert one.post("/review/next").json()["id"] == str(high.pk) == one.post("/review/next").json()["id"]
    is_problem(other.post(f"/review/cases/{high.pk}/verdict", {"verdict": "same"}), 409, "assigned_elsewhere")
    assert one.post(f"/review/cases/{high.pk}/verdict", {"verdict": "not_sure"}).json()["doubts"] == 1
    is_problem(one.post(f"/review/cases/{high.pk}/verdict", {"verdict": "same"}), 409, "second_steward")
    assert one.post("/review/next").json()["id"] == str(low.pk)
    assert other.post("/review/next").json()["id"] == str(high.pk)
    assert other.post(f"/review/cases/{high.pk}/verdict", {"verdict": "not_sure"}).json()["state"] == "undecided"
    one.post(f"/review/cases/{low.pk}/verdict", {"verdict": "different"})
    is_problem(one.post("/review/next"), 409, "daily_limit")
    is_problem(other.post("/review/next"), 409, "nothing_to_review")


def test_a_pair_in_one_profile_is_told_how_it_would_part() -> None:
    one, other = people(2)
    pair = sorted((record_of(one), record_of(other)))
    Record.objects.filter(pk__in=pair).update(profile=one)
    made = ReviewCase.objects.create(left=pair[0], right=pair[1], reason="bridge", weight=2)
    Link.objects.create(left=pair[0], right=pair[1], kind="probable", weight=2)
    radius = everything().get(f"/review/cases/{made.pk}").json()["blast_radius"]
    assert radius["verdict"] == "different"
    assert {part["after"] for part in radius["parts"]} == {str(one), None}


# --- judged blind -----------------------------------------------------------------------------------------------------


def drawn(one: UUID, other: UUID, stratum: str, **fields: Any) -> ReviewCase:
    """A drawn case, in one profile if it was a merge."""
    made = case(one, other, stratum=stratum, inclusion=0.5, **{"reason": stratum, "weight": 7.25} | fields)
    if stratum == "merge":
        Record.objects.filter(pk__in=(made.left, made.right)).update(profile=one)
    return made


@pytest.mark.parametrize("stratum", ["merge", "near miss"])
def test_a_drawn_case_tells_nothing_of_the_model_before_the_verdict(stratum: str) -> None:
    one, other = people(2)
    made = drawn(one, other, stratum)
    caller = steward("segments:read", "profiles:read")
    address = f"/review/cases/{made.pk}"
    told = caller.get(address).json()
    assert (told["weighed"], told["blast_radius"], told["weight"]) == (None, None, None)
    assert (told["reason"], told["stratum"], told["profiles"], told["blind"]) == ("drawn", "", [], True)
    answers = [caller.get("/review/cases"), caller.post("/review/next"), caller.get(address)]
    for kept_back in ("7.25", stratum, str(one), str(other)):
        assert not [answer for answer in answers if kept_back in answer.content.decode()]
    assert caller.get("/review/cases", reason=stratum).json()["results"] == []
    answer = caller.post(f"{address}/verdict", {"verdict": "different"}).json()
    assert (answer["reason"], answer["stratum"], answer["weight"], answer["blind"]) == (stratum, stratum, 7.25, False)
    assert caller.get(address).json()["weighed"]["comparisons"]


def test_the_quality_that_verdicts_show_is_told_by_model() -> None:
    assert steward().get("/review/quality").json() == {"models": [], "agreed": 0, "compared": 0}
    is_problem(Caller("profiles:read").get("/review/quality"), 403, "scope_missing")
    run, ids = ResolutionRun.objects.create(), people(4)
    made = [drawn(ids[0], ids[1], "near miss", run=run.pk), drawn(ids[2], ids[3], "near miss", run=run.pk)]
    steward().post(f"/review/cases/{made[0].pk}/verdict", {"verdict": "different"})
    (told,) = steward().get("/review/quality").json()["models"]
    assert (told["model"], told["precision"], told["recall"]) == ("", None, None)
    assert (told["missed"]["share"], told["missed"]["verdicts"], told["missed"]["drawn"]) == (0, 1, 2)
    assert 0 == told["missed"]["low"] < told["missed"]["high"] < 1
