"""Whatever goes wrong, the answer is a problem and tells nothing of anybody."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from cdp.api import profiles
from cdp.core.errors import Refused, Unavailable
from tests.api.people import VIP, Caller, everything, is_problem, person, secret, segment

pytestmark = pytest.mark.django_db
NEW = {"key": "fresh", "name": "Fresh", "purpose": "marketing", "rule": VIP}


@pytest.mark.parametrize(
    "path",
    ["/api/v1/nothing", "/api/nothing", "/api/v1/", "/api/v2/segments", "/api/v1/profiles/7", "/api/v1/segments/"],
)
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options", "patch"])
def test_an_unknown_address_is_a_problem(path: str, method: str) -> None:
    is_problem(getattr(Client(), method)(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/segments/nowhere", "/segments/nowhere/members?purpose=marketing&channel=email"])
def test_an_unknown_segment_is_a_problem(path: str) -> None:
    is_problem(everything().get(path), 404, "not_found")


def test_another_method_is_a_problem_that_names_the_allowed() -> None:
    caller = everything()
    for method in ("put", "delete", "post", "options"):
        answer = getattr(caller.client, method)("/api/v1/profiles/changes")
        is_problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, HEAD"
    assert caller.client.head("/api/v1/segments").status_code == 200


def sent(body: bytes, kind: str = "application/json") -> Any:
    return everything().client.post("/api/v1/segments", body, kind)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"key": NaN}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'"\\ud8"',
    ],
    ids=["open", "not utf-8", "nan", "twice", "deep", "long", "escape"],
)
def test_what_is_no_json_is_a_problem(body: bytes) -> None:
    is_problem(sent(body), 400, "parse_error")


def test_other_media_types_and_large_bodies_are_problems() -> None:
    is_problem(sent(b"key=1", "application/x-www-form-urlencoded"), 415, "unsupported_media_type")
    is_problem(sent(b"<a/>", "text/xml"), 415, "unsupported_media_type")
    is_problem(sent(b'"' + b"a" * 1_100_000 + b'"'), 413, "too_large")


def test_a_body_that_is_no_object_is_a_problem() -> None:
    for body in (b"[]", b"3", b"null", b'"x"'):
        assert is_problem(sent(body), 400, "invalid")["errors"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("since=-1", "since"),
        ("since=99999999999999999999", "since"), ("sinse=1", "sinse"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(query: str, name: str) -> None:
    (mistake,) = is_problem(everything().get(f"/profiles/changes?{query}"), 400, "invalid")["errors"]
    assert mistake["parameter"] == name


def test_cursors_that_are_not_ours_and_repeated_parameters_are_problems() -> None:
    segment()
    caller = everything()
    for cursor in ("x", "!!!", "AAAA", "%00", "w6k"):
        path = f"/segments/vip/members?purpose=marketing&channel=email&cursor={cursor}"
        (mistake,) = is_problem(caller.get(path), 400, "invalid")["errors"]
        assert mistake["parameter"] == "cursor"
    is_problem(caller.get("/segments?limit=1&limit=2"), 400, "repeated_parameter")


BROKEN: list[tuple[Exception, int, str]] = [
    (RuntimeError("canary.kim@example.kr"), 500, "internal"),
    (OperationalError("canary.kim@example.kr"), 503, "unavailable"),
    (Unavailable("canary"), 503, "unavailable"),
]


@pytest.mark.parametrize(("error", "status", "code"), BROKEN, ids=["bug", "database", "away"])
def test_our_own_faults_tell_nothing(
    error: Exception, status: int, code: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(profiles.answers, "profile_answer", fail)
    answer = everything().get(f"/profiles/{person()}")
    problem = is_problem(answer, status, code)
    assert b"canary" not in answer.content and "canary" not in caplog.text
    assert problem["instance"] in caplog.text and type(error).__name__ in caplog.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_a_refusal_without_a_status_of_its_own_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise Refused("something_new", "Not now.")

    monkeypatch.setattr(profiles.answers, "profile_answer", refuse)
    assert is_problem(everything().get(f"/profiles/{person()}"), 409, "something_new")["detail"] == "Not now."


def test_a_database_that_is_away_is_said_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Caller("segments:read")

    def away(_secret: str) -> None:
        raise OperationalError("could not connect")

    monkeypatch.setattr("cdp.api.authentication.find_key", away)
    answer = caller.get("/segments")
    is_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]


def test_problems_speak_korean_to_those_who_ask(settings: Any) -> None:
    answer = Client().get("/api/v1/nothing", headers={"Accept-Language": "ko"})
    assert is_problem(answer, 404, "not_found")["code"] == "not_found"
    assert answer.headers["Content-Language"] == "ko"


def test_a_secret_never_comes_back() -> None:
    good = secret("segments:read")
    answer = Client().get("/api/v1/segments", headers={"Authorization": f"Bearer {good}x"})
    assert good.encode() not in answer.content
