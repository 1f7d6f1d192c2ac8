"""Service keys: two at a time, gone at once, compared in constant time, and shown what their group may see."""

import hmac
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils import timezone
from guardian.shortcuts import assign_perm

from cdp.api import authentication
from cdp.api import exports as addresses
from cdp.core.actions import SCOPES, active_keys, create_service_key, revoke_service_key
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, ServiceKey, User
from cdp.core.roles import ROLES, SCOPE_NEEDS, permissions, scopes_of, ship_roles
from segments import exports
from segments.models import Segment
from tests.api.people import ACTOR, MARKETING, VIP, Caller, filled, is_problem, segment

pytestmark = pytest.mark.django_db


def test_two_keys_of_a_name_are_active_and_no_third() -> None:
    first, _ = create_service_key(ACTOR, "tool", ["segments:read"])
    create_service_key(ACTOR, "tool", ["segments:read"])
    with pytest.raises(Refused, match="revoke one"):
        create_service_key(ACTOR, "tool", ["segments:read"])
    create_service_key(ACTOR, "another", ["segments:read"])
    revoke_service_key(ACTOR, first)
    assert create_service_key(ACTOR, "tool", ["segments:read"])
    ServiceKey.objects.filter(name="tool").update(expires_at=timezone.now() - timedelta(seconds=1))
    assert create_service_key(ACTOR, "tool", ["segments:read"]) and active_keys("tool").count() == 1


def test_every_key_expires() -> None:
    key, _ = create_service_key(ACTOR, "tool", [])
    assert key.expires_at is not None and key.expires_at <= timezone.now() + timedelta(days=365)


def test_a_revoked_key_is_refused_with_the_next_request() -> None:
    caller = Caller("segments:read")
    assert caller.get("/segments").status_code == 200
    out = StringIO()
    call_command("revoke_service_key", ServiceKey.objects.get().prefix, stdout=out)
    is_problem(caller.get("/segments"), 401, "key_revoked")
    call_command("revoke_service_key", ServiceKey.objects.get().prefix, stdout=out)
    assert AuditEntry.objects.filter(action="service_key.revoked").count() == 1
    with pytest.raises(CommandError):
        call_command("revoke_service_key", "cdp_00000000")


def test_an_export_ends_with_the_part_during_which_its_key_was_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "GATE_CHUNK", 2)
    filled(6)
    caller = Caller("members:read")
    stream = caller.get("/segments/vip/export", columns="profile_id", **MARKETING).streaming_content
    begun = [next(stream), next(stream)]
    ServiceKey.objects.update(revoked_at=timezone.now())
    with pytest.raises(authentication.KeyRefused):
        next(stream)
    assert len(b"".join(begun).split()) == 3
    assert AuditEntry.objects.filter(action="segment.exported", details__complete=False).count() == 1


def test_mutation_without_the_check_the_export_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "while_valid", lambda _key, chunks: chunks)
    with pytest.raises(pytest.fail.Exception):
        test_an_export_ends_with_the_part_during_which_its_key_was_revoked(monkeypatch)


def test_a_secret_is_compared_in_constant_time_also_where_there_is_no_such_key(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, constant_time = list[tuple[int, int]](), hmac.compare_digest

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return constant_time(left, right)

    monkeypatch.setattr(authentication.hmac, "compare_digest", compare)
    _key, secret = create_service_key(ACTOR, "tool", [])
    for sent in (f"{secret}x", "cdp_00000000_nothing"):
        with pytest.raises(authentication.KeyRefused):
            authentication.find_key(sent)
    assert authentication.find_key(secret) and compared == [(32, 32)] * 3


def test_every_scope_stands_for_what_somebody_may_do() -> None:
    ship_roles()
    assert SCOPE_NEEDS.keys() == set(SCOPES)
    assert all(permissions([grant]) for grant in SCOPE_NEEDS.values())


@pytest.mark.parametrize("role", ROLES)
def test_the_scopes_of_a_role_are_those_whose_permissions_its_group_has(role: str) -> None:
    ship_roles()
    user = User.objects.create_user("somebody")
    user.groups.add(Group.objects.get(name=role))
    held = {f"{row.content_type.app_label}.{row.codename}" for row in permissions(ROLES[role])}
    expected = set()
    for scope, grant in SCOPE_NEEDS.items():
        (needed,) = permissions([grant])
        name = f"{needed.content_type.app_label}.{needed.codename}"
        assert user.has_perm(name) is (name in held)
        expected |= {scope} if user.has_perm(name) else set()
    assert set(scopes_of(role)) == expected


def test_a_key_is_made_of_a_role(db: None) -> None:
    out = StringIO()
    call_command("create_service_key", "tool", role="marketer", stdout=out)
    key = authentication.find_key(out.getvalue().strip())
    assert set(key.scopes) == {
        "profiles:read", "profiles:lookup", "segments:read", "segments:write", "members:read", "destinations:read",
        "destinations:use",
    }  # fmt: skip


# --- a key of a group -------------------------------------------------------------------------------------------------


@pytest.fixture
def agency() -> Caller:
    """The tool of an agency that was shown one segment of two."""
    shown, hidden = segment("shown", publish=False), segment("hidden", publish=False)
    group = Group.objects.create(name="agency")
    assign_perm("segments.view_segment", group, shown)
    assert Segment.objects.count() == 2 and hidden.pk
    return Caller(*SCOPES, group=group)


def test_a_key_of_a_group_sees_what_was_opened_to_it(agency: Caller) -> None:
    assert [row["key"] for row in agency.get("/segments").json()["results"]] == ["shown"]
    assert agency.get("/segments/shown").status_code == 200
    for path in ("", "/members", "/changes", "/export"):
        is_problem(agency.get(f"/segments/hidden{path}", **({} if not path else MARKETING)), 404, "not_found")
    for path in ("publish", "recompute", "preview", "export-requests"):
        is_problem(agency.post(f"/segments/hidden/{path}", {}), 404, "not_found")
    is_problem(agency.patch("/segments/hidden", {"name": "mine"}), 404, "not_found")
    assert Segment.objects.get(key="hidden").name == "hidden"


@pytest.mark.parametrize("path", ["/segments/preview", "/segments"])
def test_it_cannot_ask_for_another_segment_by_a_rule(agency: Caller, path: str) -> None:
    body = {"rule": {"not": {"segment": "hidden"}}, "purpose": "marketing"}
    named = body | ({"key": "new", "name": "new"} if path == "/segments" else {})
    is_problem(agency.post(path, named), 404, "not_found")
    is_problem(agency.patch("/segments/shown", {"rule": {"all": [VIP, {"segment": "hidden"}]}}), 404, "not_found")
    assert agency.post("/segments/preview", {"rule": {"segment": "shown"}, "purpose": "marketing"}).status_code == 200


def test_a_key_without_a_group_sees_all(agency: Caller) -> None:
    assert len(Caller("segments:read").get("/segments").json()["results"]) == 2


# --- small counts -----------------------------------------------------------------------------------------------------


COUNTS = ("count", "consented", "reachable")


def counts_of(caller: Caller) -> dict[str, Any]:
    body = {"rule": VIP, "purpose": "marketing", "channel": "email"}
    return {name: value for name, value in caller.post("/segments/preview", body).json().items() if name in COUNTS}


def test_small_counts_are_kept_from_whoever_may_not_see_people(settings: Any) -> None:
    filled(13)
    settings.SMALLEST_COUNT = 5
    blind, seeing = Caller("segments:read"), Caller("segments:read", "profiles:read")
    assert counts_of(seeing)["count"] == counts_of(seeing)["consented"] == 13
    assert counts_of(blind) == {"count": 10, "consented": 10, "reachable": None}
    settings.SMALLEST_COUNT = 14
    assert counts_of(blind) == {"count": None, "consented": None, "reachable": None}
    assert blind.get("/segments/vip").json()["members"] is None
    assert blind.get("/segments").json()["results"][0]["members"] is None
    assert seeing.get("/segments/vip").json()["members"] == 13


def test_the_difference_of_two_counts_tells_of_nobody(settings: Any) -> None:
    settings.SMALLEST_COUNT = 5
    filled(11)
    blind = Caller("segments:read")
    before = counts_of(blind)["count"]
    filled_again = [VIP, {"not": {"trait": "country", "op": "eq", "value": "nowhere"}}]
    body = {"rule": {"all": filled_again}, "purpose": "marketing"}
    assert blind.post("/segments/preview", body).json()["count"] == before == 10
