"""Who may ask what: every address with every scope, and keys that open nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from cdp.core.actions import SCOPES
from cdp.core.models import AuditEntry, Counter, ServiceKey
from consent import queries as consent
from consent.models import Effective
from segments import actions
from segments.models import Segment
from tests.api.people import (
    EXTERNAL,
    MARKETING,
    VALUES,
    VIP,
    Caller,
    canary,
    everything,
    filled,
    is_problem,
    says,
    secret,
    segment,
)

pytestmark = pytest.mark.django_db
NOBODY = str(UUID(int=7))
WHY = {"reason": "wrong_data"}
GENDER = {"attribute": "gender", "value": "f"}
EMAIL = {"kind": "email", "value": VALUES["email"]}
NEW = {"key": "fresh", "name": "Fresh", "purpose": "marketing", "rule": VIP}
STEPS = ("submit", "approve", "refuse", "roll-back")
TRAIT = {"key": "orders", "label_en": "Orders", "label_ko": "주문", "kind": "count", "event": "Order Completed"}
LIST = {
    "key": "guests", "name": "Guests", "purpose": "marketing", "came_from": "Fair",
    "expires_at": (timezone.now() + timedelta(days=30)).isoformat(),
}  # fmt: skip
PLACE = {
    "name": "mailer", "address": "https://mailer.example/hook", "recipient": "Mailer Inc", "country": "KR",
    "purpose": "marketing", "channel": "email",
}  # fmt: skip
WITHDRAWN = {"key": NOBODY, "record": NOBODY, "answers": {"marketing": "withdrawn"}}
# method, path, body, query, scope, status when allowed
ENDPOINTS: list[tuple[str, str, Any, dict[str, str], str, int]] = [
    ("get", "/profiles/{profile}", None, {}, "profiles:read", 200),
    ("post", "/profiles/lookup", {"email": VALUES["email"]}, {}, "profiles:lookup", 200),
    ("get", "/profiles/{profile}/records", None, {}, "profiles:read", 200),
    ("get", "/profiles/{profile}/household", None, {}, "profiles:read", 200),
    ("get", "/profiles/{profile}/consents", None, {}, "profiles:read", 200),
    ("get", "/profiles/changes", None, {}, "profiles:read", 200),
    ("get", "/profiles/{profile}/history", None, {}, "profiles:read", 200),
    ("get", "/profiles/{profile}/explanation", None, {"left": NOBODY, "right": NOBODY}, "profiles:read", 409),
    ("post", "/profiles/{profile}/unmerge", WHY | {"change": NOBODY}, {}, "identity:write", 404),
    ("post", "/profiles/{profile}/expel", WHY | {"record": NOBODY}, {}, "identity:write", 409),
    ("post", "/profiles/{profile}/split", WHY | {"records": [NOBODY]}, {}, "identity:write", 409),
    ("post", "/profiles/{profile}/corrections", WHY | GENDER, {}, "identity:write", 200),
    ("get", "/privacy/requests", None, {}, "privacy:read", 200),
    ("post", "/privacy/requests", {"kind": "access", "identifier": EMAIL}, {}, "privacy:write", 201),
    ("get", f"/privacy/requests/{NOBODY}", None, {}, "privacy:read", 404),
    ("post", f"/privacy/requests/{NOBODY}/verify", {"proof": "call"}, {}, "privacy:write", 404),
    ("post", f"/privacy/requests/{NOBODY}/extend", {"ground": "complex"}, {}, "privacy:write", 404),
    ("post", f"/privacy/requests/{NOBODY}/refuse", {"ground": "statute"}, {}, "privacy:write", 404),
    ("get", "/profiles/{profile}/contactable", None, MARKETING, "profiles:read", 200),
    ("get", "/profiles/{profile}/receipts", None, {}, "profiles:read", 200),
    ("get", f"/receipts/{NOBODY}", None, {}, "profiles:read", 404),
    ("get", "/consents/form", None, {"purposes": "service"}, "consents:write", 409),
    ("post", "/consents", WITHDRAWN, {}, "consents:write", 200),
    ("get", "/consents/conflicts", None, {}, "consents:write", 200),
    ("post", f"/consents/conflicts/{NOBODY}/settle", {"granted": False}, {}, "consents:write", 409),
    ("get", "/consents/results", None, {}, "consents:write", 200),
    ("post", "/consents/results/sent", {"results": [1], "channel": "email"}, {}, "consents:write", 200),
    ("get", "/segments", None, {}, "segments:read", 200),
    ("post", "/segments", NEW, {}, "segments:write", 201),
    ("post", "/segments/preview", {"rule": VIP, "purpose": "marketing"}, {}, "segments:read", 200),
    ("get", "/segments/vip", None, {}, "segments:read", 200),
    ("patch", "/segments/vip", {"name": "Changed"}, {}, "segments:write", 200),
    ("post", "/segments/vip/publish", {}, {}, "segments:write", 200),
    ("post", "/segments/vip/recompute", {}, {}, "segments:write", 202),
    ("post", "/segments/vip/cancel", {}, {}, "segments:write", 409),
    ("post", "/segments/vip/preview", {}, {}, "segments:read", 200),
    ("get", "/segments/vip/versions", None, {}, "segments:read", 200),
    ("post", "/segments/vip/versions", {"rule": VIP}, {}, "segments:write", 201),
    ("post", "/segments/vip/versions/preview", {"rule": VIP}, {}, "segments:read", 200),
    ("get", "/segments/vip/versions/1", None, {}, "segments:read", 200),
    *((("post", f"/segments/vip/versions/99/{step}", {}, {}, "segments:write", 404)) for step in STEPS),
    ("get", "/traits", None, {}, "segments:read", 200),
    ("post", "/traits", TRAIT, {}, "segments:write", 201),
    ("get", "/traits/none", None, {}, "segments:read", 404),
    ("patch", "/traits/none", {"event": "Viewed"}, {}, "segments:write", 404),
    ("post", "/traits/none/publish", {}, {}, "segments:write", 404),
    ("post", "/traits/none/archive", {}, {}, "segments:write", 404),
    ("get", "/lists", None, {}, "segments:read", 200),
    ("post", "/lists", LIST, {}, "segments:write", 201),
    ("get", "/lists/none", None, {}, "segments:read", 404),
    ("post", "/lists/none/entries", {"emails": ["a@b.kr"]}, {}, "segments:write", 404),
    ("get", "/segments/vip/members", None, MARKETING, "members:read", 200),
    ("get", "/segments/vip/changes", None, MARKETING, "members:read", 200),
    ("get", "/segments/vip/export", None, MARKETING, "members:read", 200),
    ("get", "/segments/vip/export-files", None, {}, "members:read", 200),
    ("post", "/segments/vip/export-files", MARKETING, {}, "members:read", 202),
    ("get", f"/segments/vip/export-files/{NOBODY}", None, {}, "members:read", 404),
    ("get", f"/segments/vip/export-files/{NOBODY}/content", None, {}, "members:read", 404),
    ("get", "/destinations", None, {}, "destinations:read", 200),
    ("post", "/destinations", PLACE, {}, "destinations:write", 201),
    ("get", f"/destinations/{NOBODY}", None, {}, "destinations:read", 404),
    ("patch", f"/destinations/{NOBODY}", {"name": "x"}, {}, "destinations:write", 404),
    ("post", f"/destinations/{NOBODY}/secret", {}, {}, "destinations:write", 404),
    ("post", f"/destinations/{NOBODY}/segments", {"segment": "vip"}, {}, "destinations:use", 404),
    ("get", f"/destinations/{NOBODY}/deliveries", None, {}, "destinations:read", 404),
    ("post", f"/destinations/{NOBODY}/replay", {}, {}, "destinations:use", 404),
]
NAMES = [f"{method} {path}" for method, path, *_ in ENDPOINTS]


def ask(caller: Caller, profile: UUID, method: str, path: str, body: Any, query: dict[str, str]) -> Any:
    place = path.format(profile=profile)
    if method == "get":
        return caller.get(place, **query)
    return caller.post(place, body) if method == "post" else caller.patch(place, body)


def state_of_segments() -> list[Any]:
    return list(Segment.objects.order_by("key").values_list("key", "name", "state", "version", "due_at", "updated_at"))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=NAMES)
def test_each_endpoint_answers_its_scope_alone(endpoint: tuple[str, str, Any, dict[str, str], str, int]) -> None:
    *request, scope, status = endpoint
    profile, made = canary(), filled(1)[0]
    before = state_of_segments()
    for other in [(), *((one,) for one in SCOPES if one != scope)]:
        refused = is_problem(ask(Caller(*other), profile, *request), 403, "scope_missing")
        assert refused["scope"] == scope and scope in refused["detail"]
    assert state_of_segments() == before
    assert not AuditEntry.objects.filter(actor__startswith="key:").exclude(action="api.refused").exists()
    assert AuditEntry.objects.filter(action="api.refused", details__scope=scope).count() == len(SCOPES)
    assert ask(Caller(scope), profile, *request).status_code == status
    assert made.key == "vip"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=NAMES)
def test_nobody_is_answered_without_a_key(endpoint: tuple[str, str, Any, dict[str, str], str, int]) -> None:
    *request, _scope, _status = endpoint
    profile, before = canary(), (filled(1), state_of_segments())[1]
    caller = everything()
    caller.client = Client()
    answer = ask(caller, profile, *request)
    is_problem(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert state_of_segments() == before


def with_header(value: str) -> Any:
    return Client().get("/api/v1/segments", headers={"Authorization": value})


def test_wrong_revoked_and_expired_keys_open_nothing_and_are_written_down() -> None:
    good = secret("segments:read")
    key = ServiceKey.objects.get()
    is_problem(with_header(f"Bearer {good[:-1]}"), 401, "key_unknown")
    is_problem(with_header("Bearer cdp_00000000_nothing"), 401, "key_unknown")
    is_problem(with_header("Bearer Ⅷ\u00ad"), 401, "key_unknown")
    is_problem(with_header("Bearer "), 401, "key_unknown")
    is_problem(with_header(f"Basic {good}"), 401, "scheme_unknown")
    ServiceKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    is_problem(with_header(f"Bearer {good}"), 401, "key_expired")
    ServiceKey.objects.update(revoked_at=timezone.now())
    is_problem(with_header(f"Bearer {good}"), 401, "key_revoked")
    codes = AuditEntry.objects.filter(action="api.refused", actor=f"key:{key.pk}").values_list(
        "details__code", flat=True
    )
    assert set(codes) == {"key_unknown", "key_expired", "key_revoked"}
    assert Counter.objects.get(kind="api_refused").count == 7
    key.refresh_from_db()
    assert key.last_used_at is None


def test_a_key_in_the_query_string_opens_nothing() -> None:
    good = secret("segments:read")
    for name in ("access_token", "key", "Authorization"):
        is_problem(Client().get("/api/v1/segments", {name: good}), 401, "not_authenticated")


def test_the_last_use_is_written_at_most_once_a_minute() -> None:
    caller = Caller("segments:read")
    caller.get("/segments")
    first = ServiceKey.objects.get().last_used_at
    caller.get("/segments")
    assert first is not None and ServiceKey.objects.get().last_used_at == first
    ServiceKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    caller.get("/segments")
    assert ServiceKey.objects.get().last_used_at > first


def test_a_refused_key_may_fill_no_audit_log() -> None:
    secret("segments:read")
    prefix = ServiceKey.objects.get().prefix
    for _ in range(5):
        with_header(f"Bearer {prefix}_wrong")
    assert AuditEntry.objects.filter(action="api.refused").count() == 1
    assert Counter.objects.get(kind="api_refused").count == 5


def test_personal_values_need_their_scope_and_a_purpose_and_are_audited() -> None:
    profile = canary()
    asked = {"personal": "true", "purpose": "marketing"}
    is_problem(Caller("profiles:read").get(f"/profiles/{profile}", **asked), 403, "scope_missing")
    reader = Caller("profiles:read", "profiles:personal")
    is_problem(reader.get(f"/profiles/{profile}", personal="true"), 400, "purpose_missing")
    is_problem(reader.get(f"/profiles/{profile}", personal="true", purpose="nothing"), 400, "purpose_missing")
    assert not AuditEntry.objects.filter(action="profile.personal_read").exists()
    assert reader.get(f"/profiles/{profile}", **asked).json()["personal"] == VALUES
    row = AuditEntry.objects.get(action="profile.personal_read")
    assert (row.purpose, row.actor) == ("marketing", f"key:{ServiceKey.objects.latest('created_at').pk}")
    assert row.subject is not None and str(row.subject) not in str(profile)


def test_without_asking_no_personal_value_comes_out_anywhere() -> None:
    profile, made = canary(), segment(rule={"trait": "region", "op": "eq", "value": "서울"})
    says(profile, "granted")
    actions.recompute(made.pk)
    caller = everything()
    told = []
    for method, path, body, query, _scope, _status in ENDPOINTS:
        answer = ask(caller, profile, method, path, body, query)
        told.append(b"".join(answer) if answer.streaming else answer.content)
    leaked = [value for value in (*VALUES.values(), EXTERNAL, "5550-1234") if value.encode() in b"\n".join(told)]
    assert not leaked and str(profile).encode() in b"".join(told)


def test_a_bound_key_may_omit_its_purpose_and_channel_and_name_no_other() -> None:
    _made, ids = filled()
    bound = everything(purpose="marketing", contact_channel="email")
    for path in ("members", "changes"):
        rows = bound.get(f"/segments/vip/{path}").json()["results"]
        assert sorted(row["profile_id"] for row in rows) == [str(one) for one in ids]
        is_problem(bound.get(f"/segments/vip/{path}", purpose="analytics"), 403, "purpose_bound")
        is_problem(bound.get(f"/segments/vip/{path}", channel="sms"), 403, "channel_bound")
    assert b"".join(bound.get("/segments/vip/export")).count(b"\n") == 4
    is_problem(bound.get("/segments/vip/export", channel="sms"), 403, "channel_bound")
    assert bound.post("/segments", {name: value for name, value in NEW.items() if name != "purpose"}).status_code == 201
    is_problem(bound.post("/segments", NEW | {"key": "other", "purpose": "analytics"}), 403, "purpose_bound")
    segment("foreign", purpose="analytics")
    is_problem(bound.patch("/segments/foreign", {"name": "x"}), 403, "purpose_bound")
    is_problem(bound.post("/segments/foreign/publish"), 403, "purpose_bound")
    is_problem(bound.get("/segments/foreign/members"), 403, "purpose_mismatch")
    assert not Segment.objects.filter(key="other").exists()


def test_an_unbound_key_must_say_for_what() -> None:
    filled()
    caller = everything()
    for path in ("members", "changes", "export"):
        said = is_problem(caller.get(f"/segments/vip/{path}"), 400, "audience_missing")
        assert "preview" in said["detail"]
        is_problem(caller.get(f"/segments/vip/{path}", purpose="marketing"), 400, "audience_missing")
        is_problem(caller.get(f"/segments/vip/{path}", purpose="analytics", channel="email"), 403, "purpose_mismatch")
        is_problem(caller.get(f"/segments/vip/{path}", purpose="marketing", channel="smoke"), 400, "channel_unknown")
    assert not AuditEntry.objects.filter(action__startswith="segment.members").exists()


# --- consents, as far as a key is bound -------------------------------------------------------------------------------

# purpose, contact channel (None: every one)
LINES = [("marketing", "email"), ("marketing", "sms"), ("analytics", "email"), ("analytics", None)]
BOUND: list[dict[str, str]] = [
    {},
    {"purpose": "marketing"},
    {"contact_channel": "sms"},
    {"purpose": "analytics", "contact_channel": "sms"},
    {"purpose": "third_party", "contact_channel": "post"},
]


def person_of_all_lines() -> UUID:
    profile = canary()
    for purpose, channel in LINES:
        says(profile, "granted", purpose=purpose, channel=channel)
    return profile


def may_see(bound: dict[str, str], purpose: str, channel: str | None) -> bool:
    return bound.get("purpose") in (None, purpose) and (
        channel is None or bound.get("contact_channel") in (None, channel)
    )


def told(rows: list[dict[str, Any]]) -> set[tuple[str, str | None]]:
    return {(row["purpose"], row["channel"]) for row in rows}


def check_what_a_bound_key_is_told(bound: dict[str, str]) -> None:
    profile = person_of_all_lines()
    stated = {(one.purpose_id, one.channel_id) for one in Effective.objects.filter(profile=profile)}
    caller = Caller("profiles:read", **bound)
    consents = caller.get(f"/profiles/{profile}/consents").json()
    assert told(consents["history"]) == {line for line in LINES if may_see(bound, *line)}
    assert told(consents["effective"]) == {pair for pair in stated if may_see(bound, *pair)}
    assert caller.get(f"/profiles/{profile}").json()["consents"] == consents["effective"]


@pytest.mark.parametrize("bound", BOUND, ids=str)
def test_a_bound_key_is_told_the_consents_of_its_purpose_and_channel_alone(bound: dict[str, str]) -> None:
    check_what_a_bound_key_is_told(bound)


@pytest.mark.parametrize("narrowed", ["effective", "history"])
@pytest.mark.parametrize("bound", BOUND[1:], ids=str)
def test_mutation_without_the_narrowing_the_test_above_fails(
    monkeypatch: pytest.MonkeyPatch, narrowed: str, bound: dict[str, str]
) -> None:
    whole = getattr(consent, narrowed)
    monkeypatch.setattr(consent, narrowed, lambda profile, *_bound: whole(profile))
    with pytest.raises(AssertionError):
        check_what_a_bound_key_is_told(bound)
