"""Probes that attackers send first, over REST and through what reads everybody's values: refused, quickly, with a reason."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from cdp.ingestion import shapes
from identity.linkage import normalise
from segments import formats, queries, sql
from tests.api.people import VIP, Caller, canary, everything, filled, is_problem, person, segment

pytestmark = pytest.mark.django_db
FIELDS = (
    "password__startswith", "_connector", "a%b", 'x"; DROP TABLE core_user; --', "__class__", "a\0b", "id", "digest",
    "owner__password", "lineage", "\u202e", "x" * 10_000, "properties->>'a'", "",
)  # fmt: skip
QUICK_SECONDS = 0.1


def preview(caller: Caller, rule: object) -> Any:
    return caller.post("/segments/preview", {"rule": rule, "purpose": "marketing"})


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_outside_the_allow_list_is_refused_with_its_place(name: str) -> None:
    answer = preview(everything(), {"all": [VIP, {"trait": name, "op": "eq", "value": "x"}]})
    assert answer.status_code == 400
    assert any(error["pointer"].startswith("/rule") for error in answer.json().get("errors", [])) or "\0" in name


def nested(depth: int) -> Any:
    rule: Any = VIP
    for _ in range(depth):
        rule = {"not": rule}
    return rule


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        (nested(400), 400),
        ({"all": [VIP] * 10_000}, 400),
        ({"trait": "orders_count", "op": "in", "value": list(range(100_000))}, 400),
        ({"trait": "orders_count", "op": "in", "value": list(range(1_000_000))}, 413),
        ({"trait": "region", "op": "contains", "value": "x" * 100_000}, 400),
    ],
    ids=["deep", "wide", "in of many", "in of a million", "long"],
)
def test_a_rule_that_would_be_dear_is_refused_at_once(rule: object, status: int) -> None:
    caller, before = everything(), time.perf_counter()
    answer = preview(caller, rule)
    assert answer.status_code == status and time.perf_counter() - before < 10
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_thousand_levels_of_json_exhaust_no_stack() -> None:
    caller = everything()
    deep = '{"rule":' + '{"not":' * 100_000 + "1" + "}" * 100_000 + "}"
    answer = caller.client.post("/api/v1/segments/preview", deep, "application/json")
    assert answer.status_code == 400


def test_a_statement_that_takes_too_long_is_cancelled(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SEGMENT_STATEMENT_SECONDS = 1
    monkeypatch.setattr(sql, "COUNT_MEMBERS", "select count(*) from pg_sleep(30) left join ({rule}) rule on true")
    before = time.perf_counter()
    is_problem(preview(everything(), VIP), 400, "too_slow")
    assert time.perf_counter() - before < 10
    with connection.cursor() as cursor:
        cursor.execute("select 1")
        assert cursor.fetchone() == (1,), "the connection goes on"


def test_mutation_without_the_limit_it_goes_on(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SEGMENT_STATEMENT_SECONDS = 1
    monkeypatch.setattr(queries, "limit_statements", lambda: None)
    monkeypatch.setattr(sql, "COUNT_MEMBERS", "select count(*) from pg_sleep(1.5) left join ({rule}) rule on true")
    assert preview(everything(), VIP).status_code == 200


# Of each pattern that reads what people sent: texts that make a careless one go back and forth for ever.
PUMPED = [
    "a" * 5_000 + "!", "a@" * 2_500, "a." * 2_500 + "@", "@" + "a." * 2_500 + "1", "1 " * 2_500, "0-" * 2_500, "0" * 5_000 + "x",
    "(" * 5_000, "가" * 5_000 + "1", "로길" * 2_500, "1번가" * 1_600, " " * 5_000 + "x", "\t" * 5_000, "홍 길동 " * 1_000,
    "^(a+)+$", "x" * 2_500 + "내선" + "1" * 2_500,
]  # fmt: skip
READERS: list[Callable[[str], Any]] = [
    shapes.personal_shape, shapes.is_clear_text, shapes.holds_resident_number, shapes.is_random_id,
    lambda text: list(shapes.contact_shapes(text)), normalise.text, normalise.email, normalise.phone,
    normalise.birth_date, lambda text: normalise.clean({"address": text}), lambda text: normalise.clean({"full_name": text}),
]  # fmt: skip


@pytest.mark.parametrize("text", PUMPED, ids=lambda text: text[:12])
def test_no_text_keeps_a_pattern_busy(text: str) -> None:
    for place, read in enumerate(READERS):
        spent = min(_spent(read, text) for _ in range(3))
        assert spent < QUICK_SECONDS, (place, spent)


def _spent(read: Callable[[str], Any], text: str) -> float:
    before = time.process_time()
    read(text)
    return time.process_time() - before


def test_a_rule_has_no_regular_expressions() -> None:
    for op in ("matches", "regex", "iregex", "like", "similar"):
        answer = preview(everything(), {"trait": "region", "op": op, "value": "^(a+)+$"})
        assert answer.status_code == 400


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("=1+1", "'=1+1"), ("+SUM(A1)", "'+SUM(A1)"), ("-2+3", "'-2+3"), ("@SUM", "'@SUM"), ("\tx", "'\tx"),
        ("\rx", "'\rx"), ("＝1", "'＝1"), ("-5", "-5"), ("+821012345678", "+821012345678"), ("kim@x.kr", "kim@x.kr"),
    ],
)  # fmt: skip
def test_a_cell_runs_in_no_spreadsheet_and_numbers_stay_usable(cell: str, told: str) -> None:
    assert formats.defused(cell) == told


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{7*7}}", "${7*7}", "<img src=x onerror=alert(1)>"])
def test_a_name_is_text_wherever_it_is_shown(name: str, client: Any, django_user_model: Any) -> None:
    made = segment("probe", publish=False)
    made.name = name
    made.save()
    client.force_login(django_user_model.objects.create_superuser("root", password="x"))
    for path in ("/segments/segment/", f"/segments/segment/{made.pk}/change/", "/"):
        shown = client.get(path).content.decode()
        assert name not in shown or name.startswith(("{{", "$")), path
        assert ">49<" not in shown


def test_an_object_of_another_is_not_found_by_its_id() -> None:
    """BOLA: ids that a key knows open nothing that its scopes, purpose or group do not."""
    profile, _ = canary(), filled(1)
    assert person()
    reader = Caller("segments:read")
    is_problem(reader.get(f"/profiles/{profile}"), 403, "scope_missing")
    bound = Caller("members:read", purpose="analytics", contact_channel="email")
    is_problem(bound.get("/segments/vip/members"), 403, "purpose_mismatch")


@pytest.mark.parametrize(
    "name", ["id", "state", "version", "owner", "members", "created_at", "computed_at", "is_admin"]
)
def test_what_a_body_may_not_set_is_refused(name: str) -> None:
    """BOPLA and mass assignment: a body knows exactly its fields."""
    segment()
    problem = is_problem(everything().patch("/segments/vip", {name: "x"}), 400, "invalid")
    assert problem["errors"] == [
        {"pointer": f"/{name}", "code": "unknown_field", "detail": "There is no such field here."}
    ]
