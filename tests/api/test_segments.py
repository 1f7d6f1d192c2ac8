"""Segments: defining, counting, and telling members as consent allows."""

import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdp.core.models import AuditEntry
from cdp.events.quality_models import SeenField
from segments import actions
from segments.models import Segment
from tests.api.people import (
    MARKETING,
    NOW,
    VIP,
    Caller,
    canary,
    everything,
    filled,
    is_problem,
    people,
    says,
    segment,
    walk,
)
from tests.segments.people import source

pytestmark = pytest.mark.django_db
NEW = {"key": "fresh", "name": "단골", "purpose": "marketing", "rule": VIP}


# --- defining ---------------------------------------------------------------------------------------------------------


def test_a_segment_is_created_changed_published_and_computed() -> None:
    caller, ids = everything(), people(2, orders_count=4)
    made = caller.post("/segments", NEW | {"description": "…", "refresh_minutes": 30})
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/segments/fresh")
    assert made.json() | NEW == made.json() and made.json()["state"] == "draft"
    is_problem(caller.post("/segments/fresh/recompute"), 409, "segment_not_published")
    changed = caller.patch("/segments/fresh", {"name": "Regulars"}).json()
    assert (changed["name"], changed["version"], changed["refresh_minutes"]) == ("Regulars", 1, 30)
    published = caller.post("/segments/fresh/publish").json()
    assert published["state"] == "published" and published["due_at"]
    actions.refresh_due()
    shown = caller.get("/segments/fresh").json()
    assert (shown["members"], bool(shown["computed_at"])) == (len(ids), True)
    asked = caller.post("/segments/fresh/recompute")
    assert (asked.status_code, asked.headers["Location"]) == (202, "/api/v1/segments/fresh")
    assert asked.json()["due_at"] < shown["due_at"]
    actors = AuditEntry.objects.filter(target=shown["id"]).values_list("actor", flat=True)
    assert len(actors) == 4 and all(actor.startswith("key:") for actor in actors)


@pytest.mark.parametrize("name", ["id", "state", "version", "owner", "due_at", "created_at", "members", "purpose_id"])
def test_nothing_else_can_be_assigned(name: str) -> None:
    caller, made = everything(), segment(publish=False)
    for answer in (caller.post("/segments", NEW | {name: "x"}), caller.patch("/segments/vip", {name: "x"})):
        (mistake,) = is_problem(answer, 400, "invalid")["errors"]
        assert (mistake["pointer"], mistake["code"]) == (f"/{name}", "unknown_field")
    made.refresh_from_db()
    assert (made.version, made.state, Segment.objects.count()) == (1, "draft", 1)


def test_a_wrong_rule_is_refused_at_its_place_with_a_suggestion() -> None:
    rule = {
        "all": [VIP, {"trait": "orders_count", "op": "equals", "value": 3}, {"trait": "orders_cuont", "op": "exists"}]
    }
    shape = is_problem(everything().post("/segments", NEW | {"rule": rule}), 400, "rule_refused")
    assert [(one["pointer"], one["code"]) for one in shape["errors"]] == [("/rule/all/1/op", "unknown_op")]
    rule["all"].pop(1)
    name = is_problem(everything().post("/segments/preview", NEW_PREVIEW | {"rule": rule}), 400, "rule_refused")
    (mistake,) = name["errors"]
    assert (mistake["pointer"], mistake["suggestion"]) == ("/rule/all/1/trait", "orders_count")
    assert not Segment.objects.exists()


def test_segments_leave_out_others_as_far_as_the_key_may_say() -> None:
    caller = everything()
    segment("staff")
    made = caller.post("/segments", NEW | {"exclusions": ["staff"], "excluded_everywhere": True}).json()
    assert (made["exclusions"], made["excluded_everywhere"]) == (["staff"], True)
    wrong = caller.patch("/segments/fresh", {"exclusions": ["nowhere"]})
    assert [one["pointer"] for one in is_problem(wrong, 400, "invalid")["errors"]] == ["/exclusions"]
    bound = everything(purpose="marketing")
    for answer in (
        bound.patch("/segments/fresh", {"excluded_everywhere": False}),
        bound.post("/segments", NEW | {"key": "other", "excluded_everywhere": True}),
    ):
        is_problem(answer, 403, "purpose_bound")
    assert Segment.objects.filter(excluded_everywhere=True).count() == 1


NEW_PREVIEW = {"rule": VIP, "purpose": "marketing"}


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"key": "vip"}, 409, "taken"),
        ({"purpose": "nothing"}, 400, "purpose_unknown"),
        ({"zone": "Mars/Olympus"}, 400, "zone_unknown"),
        ({"key": "a b"}, 400, "invalid"),
        ({"refresh_minutes": 0}, 400, "invalid"),
        ({"name": "a\x00b"}, 400, "invalid"),
        ({"name": "x" * 101}, 400, "invalid"),
        ({"rule": {"segment": "fresh"}}, 400, "rule_refused"),
    ],
)
def test_what_a_segment_cannot_be_is_refused(fields: dict[str, Any], status: int, code: str) -> None:
    segment()
    is_problem(everything().post("/segments", NEW | fields), status, code)
    assert Segment.objects.count() == 1


def test_a_rule_in_use_keeps_its_key() -> None:
    segment()
    segment("user", {"segment": "vip"})
    is_problem(everything().patch("/segments/vip", {"key": "other"}), 409, "segment_in_use")
    is_problem(everything().patch("/segments/vip", {"rule": {"segment": "user"}}), 409, "segment_cycle")


def test_segments_are_paged_by_key() -> None:
    keys = [f"s{number}" for number in range(5)]
    for key in keys:
        segment(key, publish=False)
    pages = list(walk(everything(), "/segments", limit=2))
    assert [[row["key"] for row in page] for page in pages] == [keys[:2], keys[2:4], keys[4:]]
    first = everything().get("/segments", limit=2)
    assert first.headers["Link"] == f'<{first.json()["next"]}>; rel="next"'
    assert first.json()["next"].startswith("http://testserver/api/v1/segments?")


def test_a_segment_that_did_not_change_is_not_sent_again() -> None:
    segment()
    caller = everything()
    tag = caller.get("/segments/vip").headers["ETag"]
    assert caller.get("/segments/vip", headers={"If-None-Match": tag}).status_code == 304
    caller.patch("/segments/vip", {"name": "Other"})
    assert caller.get("/segments/vip", headers={"If-None-Match": tag}).status_code == 200


# --- counting ---------------------------------------------------------------------------------------------------------


def test_a_preview_counts_consent_and_reach(settings: LazySettings) -> None:
    settings.SMALLEST_COUNT = 0
    ids = [*people(3, orders_count=3), canary()]
    says([ids[0], ids[3]], "granted")
    caller = Caller("segments:read")
    assert counts(caller.post("/segments/preview", NEW_PREVIEW | {"channel": "email"})) == (4, 2, 1)
    assert counts(caller.post("/segments/preview", NEW_PREVIEW)) == (4, None, None)
    segment(publish=False)
    assert counts(caller.post("/segments/vip/preview", {"channel": "email"})) == (4, 2, 1)
    bound = Caller("segments:read", purpose="marketing", contact_channel="email")
    assert counts(bound.post("/segments/preview", {"rule": VIP})) == (4, 2, 1)
    is_problem(bound.post("/segments/preview", NEW_PREVIEW | {"channel": "sms"}), 403, "channel_bound")
    is_problem(caller.post("/segments/preview", {"rule": VIP}), 400, "purpose_missing")


def test_the_overlap_with_others_is_told_by_those_that_the_key_sees(settings: LazySettings) -> None:
    settings.SMALLEST_COUNT = 0
    made, ids = filled()
    actions.recompute(segment("twin").pk, NOW)
    [row] = Caller("segments:read").get(f"/segments/{made.key}/overlap").json()["results"]
    assert (row["key"], row["members"], row["both"]) == ("twin", len(ids), len(ids))
    settings.SMALLEST_COUNT = 100
    [row] = Caller("segments:read").get(f"/segments/{made.key}/overlap").json()["results"]
    assert (row["members"], row["both"]) == (None, None)


def test_a_preview_says_which_events_nobody_has_sent() -> None:
    SeenField.objects.create(source=source(), event="Order Completed", field="", first="2026-01-01")
    rule = {"all": [{"event": "Order Completed"}, {"not": {"event": "Order Complete"}}]}
    answer = Caller("segments:read").post("/segments/preview", {"purpose": "marketing", "rule": rule})
    [notice] = answer.json()["notices"]
    expected = {"pointer": "/rule/all/1/not/event", "code": "unknown_event_near", "suggestion": "Order Completed"}
    assert notice | expected == notice and "Did you mean" in notice["detail"]


def counts(answer: Any) -> tuple[int, int | None, int | None]:
    body = answer.json()
    return body["count"], body["consented"], body["reachable"]


# --- members ----------------------------------------------------------------------------------------------------------


def test_pages_of_members_cover_all_once_and_nobody_who_withdrew() -> None:
    _made, ids = filled(11)
    says([ids[2], ids[7]], "withdrawn")
    pages = list(walk(everything(), "/segments/vip/members", limit=3, **MARKETING))
    told = [row["profile_id"] for page in pages for row in page]
    assert told == [str(one) for one in ids if one not in (ids[2], ids[7])]
    assert [len(page) for page in pages] == [3, 3, 3]


def test_members_of_a_moment_are_told_page_by_page() -> None:
    _made, ids = filled(5)
    pages = list(walk(everything(), "/segments/vip/members", limit=2, at=NOW.isoformat(), **MARKETING))
    assert [row["profile_id"] for page in pages for row in page] == [str(one) for one in ids]
    assert everything().get("/segments/vip/members", at="2020-01-01T00:00:00Z", **MARKETING).json()["results"] == []
    is_problem(everything().get("/segments/vip/members", at="0001-01-01T00:00:00Z", **MARKETING), 400, "invalid")


def test_a_withdrawal_is_told_as_an_exit_with_its_reason() -> None:
    _made, ids = filled(3)
    caller = everything()
    page = caller.get("/segments/vip/changes", **MARKETING).json()
    assert sorted(row["profile_id"] for row in page["results"]) == [str(one) for one in ids]
    assert {row["kind"] for row in page["results"]} == {"entered"}
    says(ids[0], "withdrawn")
    after = caller.get("/segments/vip/changes", since=page["next_since"], **MARKETING).json()
    assert [(row["profile_id"], row["kind"], row["reason"]) for row in after["results"]] == [
        (str(ids[0]), "left", "consent")
    ]
    again = caller.get("/segments/vip/changes", since=after["next_since"], **MARKETING).json()
    assert (again["results"], again["has_more"]) == ([], False)


def test_exports_hold_who_may_be_contacted() -> None:
    _made, ids = filled(4)
    says(ids[1], "withdrawn")
    caller, kept = everything(), [str(one) for one in ids if one != ids[1]]
    answer = caller.get("/segments/vip/export", columns="profile_id,country", **MARKETING)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="vip.csv"'
    assert body_of(answer).splitlines() == ["profile_id,country", *(f"{one},KR" for one in kept)]
    lines = rows_of(caller.get("/segments/vip/export", format="ndjson", columns="profile_id", **MARKETING))
    assert [line["profile_id"] for line in lines] == kept


def test_the_trailer_of_ndjson_says_how_many() -> None:
    filled(4)
    caller = everything()
    *lines, end = rows_of(caller.get("/segments/vip/export", format="ndjson", trailer="true", **MARKETING))
    assert end == {"end": True, "count": 4} and len(lines) == 4
    is_problem(caller.get("/segments/vip/export", trailer="true", **MARKETING), 400, "trailer")


def test_a_client_that_goes_away_stops_the_export_and_the_audit_says_so() -> None:
    filled(4)
    for trailer in ("false", "true"):
        answer = everything().get("/segments/vip/export", format="ndjson", trailer=trailer, **MARKETING)
        next(iter(answer))
        answer._iterator.close()  # as a server does; Django's client keeps the connection open meanwhile
    ends = AuditEntry.objects.filter(action="segment.exported").values_list("details__complete", flat=True)
    assert list(ends) == [False, False]


def test_contact_values_need_the_scope_for_personal_data() -> None:
    profile, made = canary(), segment()
    says(profile, "granted")
    actions.recompute(made.pk, NOW)
    asked = {"columns": "profile_id,contact", **MARKETING}
    is_problem(Caller("members:read").get("/segments/vip/export", **asked), 403, "scope_missing")
    is_problem(Caller("members:read", "profiles:personal").get("/segments/vip/export", **asked), 403, "not_approved")
    is_problem(everything().get("/segments/vip/export", columns="email", **MARKETING), 400, "column_unknown")


def test_statements_do_not_grow_with_the_page_of_members() -> None:
    filled(30)
    caller = everything()
    caller.get("/segments/vip/members", limit=2, **MARKETING)
    with CaptureQueriesContext(connection) as few:
        caller.get("/segments/vip/members", limit=2, **MARKETING)
    with CaptureQueriesContext(connection) as many:
        assert len(caller.get("/segments/vip/members", limit=30, **MARKETING).json()["results"]) == 30
    assert len(many) <= len(few)


def body_of(answer: Any) -> str:
    return b"".join(answer).decode()


def rows_of(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body_of(answer).splitlines()]


@pytest.mark.parametrize(
    "as_of",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1900-01-01",
    ],
)
@pytest.mark.parametrize("days", [1, 36_525])
def test_no_moment_is_too_far_to_be_answered(as_of: str, days: int) -> None:
    rule = {"event": "Order Completed", "within": {"days": days}}
    answer = everything().post("/segments/preview", NEW_PREVIEW | {"rule": rule, "as_of": as_of})
    assert answer.status_code in (200, 400), answer.json()


@pytest.mark.parametrize("zone", ["../../etc/passwd", "Asia", "/etc/localtime", "Asia/Seoul\u200b", "x" * 50])
def test_no_zone_breaks_anything(zone: str) -> None:
    is_problem(everything().post("/segments/preview", NEW_PREVIEW | {"zone": zone}), 400, "zone_unknown")
