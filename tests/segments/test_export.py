"""Exports: the columns, the formats, the cells, and consent asked of every chunk."""

import csv
import hashlib
import io
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pyarrow.parquet import ParquetFile

from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.core.statements import hexadecimals
from cdp.core.types import Actor
from consent import queries as consent
from identity.models import Profile
from segments import approval, exports, formats, traits
from segments.models import Segment
from tests.segments.people import ACTOR, NOW, execute, happened, retrait, says
from tests.segments.test_membership import at_once
from tests.segments.test_reading import MAIL, filled


def approved(made: Segment) -> UUID:
    """What another person approved."""
    asked = approval.ask(ACTOR, made, "email", "a letter")
    return approval.decide(Actor.system("another"), asked.pk, approve=True).pk


def exported(made: Segment, **fields: Any) -> list[dict[str, str]]:
    text = b"".join(exports.export(made, *MAIL, actor=ACTOR, **fields)).decode()
    if fields.get("fmt") == "ndjson":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.django_db
def test_a_member_that_lives_no_more_is_not_exported() -> None:
    made, (a, b, c) = filled()
    Profile.objects.filter(pk=b).update(state="merged", redirect_id=a)
    assert [row["profile_id"] for row in exported(made)] == [str(a), str(c)]


@pytest.mark.django_db
def test_published_computed_traits_are_columns_where_the_purpose_allows() -> None:
    made, (a, *_others) = filled()
    about: Any = {"label_en": "x", "label_ko": "x", "kind": "list", "event": "Viewed", "path": "brand"}
    for key, data_class in (("brands", "general"), ("loans", "credit")):
        traits.publish(ACTOR, traits.create(ACTOR, key=key, data_class=data_class, **about))
    happened(a, "Viewed", properties={"brand": "=haru"})
    traits.refresh_profiles([a], NOW)
    rows = exported(made, columns=["profile_id", "computed.brands"])
    assert rows[0] == {"profile_id": str(a), "computed.brands": '["=haru"]'}
    lines = b"".join(exports.export(made, *MAIL, "ndjson", ["computed.brands"], actor=ACTOR)).splitlines()
    assert json.loads(lines[0]) == {"computed.brands": ["=haru"]}
    for unknown in ("computed.loans", "computed.nothing"):
        with pytest.raises(Refused):
            exported(made, columns=[unknown])


@pytest.mark.django_db
def test_an_export_has_the_clear_columns_of_consenting_members() -> None:
    made, (a, b, c) = filled()
    seen = "2026-01-02T03:04:05.000000Z"
    retrait(a, country="KR", region="서울", orders_count=3, revenue_total_KRW=125000, first_seen=seen)
    says(b, "withdrawn")
    rows = exported(made)
    assert [row["profile_id"] for row in rows] == [str(a), str(c)]
    assert rows[0] == {
        "profile_id": str(a), "entered_at": "2026-06-01T03:00:00.000000Z", "country": "KR", "region": "서울",
        "age_band": "", "gender": "", "first_seen": seen, "last_seen": "", "orders_count": "3",
        "revenue_total_KRW": "125000",
    }  # fmt: skip


@pytest.mark.django_db
def test_ndjson_keeps_types_and_odd_characters() -> None:
    made, (a, *_rest) = filled(1)
    odd = '=1+"\\ \n\t서울\u2028'
    retrait(a, country=odd, orders_count=-5)
    stream = exports.export(made, *MAIL, "ndjson", ["profile_id", "country", "orders_count"], actor=ACTOR)
    lines = b"".join(stream).splitlines()
    assert [json.loads(line) for line in lines] == [{"profile_id": str(a), "country": odd, "orders_count": -5}]


@pytest.mark.django_db
def test_an_export_is_audited_however_it_ends() -> None:
    made, ids = filled()
    exported(made)
    broken_off = exports.export(made, *MAIL, columns=["profile_id"], actor=ACTOR)
    next(iter(broken_off))
    broken_off.close()  # type: ignore[attr-defined]
    ended = AuditEntry.objects.filter(action="segment.exported").order_by("at")
    assert [(row.details["count"], row.details["complete"]) for row in ended] == [(len(ids), True), (0, False)]
    assert ended[1].details["columns"] == ["profile_id"] and ended[1].purpose == "marketing"
    assert AuditEntry.objects.filter(action="segment.export_started").count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (["password"], "column_unknown"), (["profile_id", "profile_id"], "column_unknown"),
        (["country' || version() || '"], "column_unknown"), (["revenue_total_krw"], "column_unknown"),
        (["contact"], "personal_not_allowed"), (["contact_sha256"], "personal_not_allowed"),
    ],
)  # fmt: skip
def test_columns_outside_the_list_are_refused(columns: list[str], code: str) -> None:
    made, _ = filled(1)
    with pytest.raises(Refused) as caught:
        exports.export(made, *MAIL, columns=columns, actor=ACTOR)
    assert caught.value.code == code
    assert not AuditEntry.objects.filter(action__startswith="segment.export").exists()


@pytest.mark.django_db
def test_contact_values_are_read_only_with_the_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    made, (a, b) = filled(2)
    asked: list[tuple[Any, str]] = []

    def contact_values(members: str, kind: str) -> dict[UUID, str]:
        asked.append(([UUID(one) for one in hexadecimals(members)], kind))
        return {a: "=evil@x.kr"}

    monkeypatch.setattr("cdp.profiles.queries.contact_values", contact_values)
    rows = exported(made, columns=["country", "contact", "profile_id"], personal=True, approval=approved(made))
    assert rows == [
        {"country": "KR", "contact": "'=evil@x.kr", "profile_id": str(a)},
        {"country": "KR", "contact": "", "profile_id": str(b)},
    ]
    assert asked == [([a, b], "email")]
    stream = exports.export(made, *MAIL, "ndjson", ["contact"], actor=ACTOR, personal=True, approval=approved(made))
    lines = b"".join(stream).splitlines()
    assert [json.loads(line)["contact"] for line in lines] == ["=evil@x.kr", None]


@pytest.mark.django_db
@pytest.mark.parametrize("fmt", ["csv", "ndjson", "parquet"])
def test_each_address_is_told_once_on_request_across_chunks(monkeypatch: pytest.MonkeyPatch, fmt: Any) -> None:
    monkeypatch.setattr(exports, "GATE_CHUNK", 2)
    made, (a, b, c, _d, e) = filled(5)
    values = {a: "home@x.kr", b: "own@x.kr", c: "home@x.kr", e: "last@x.kr"}
    monkeypatch.setattr("cdp.profiles.queries.contact_values", lambda _members, _kind: values)
    asked: dict[str, Any] = {
        "columns": ["profile_id", "contact"],
        "personal": True,
        "approval": approved(made),
        "once": True,
    }
    body = b"".join(exports.export(made, *MAIL, fmt, actor=ACTOR, **asked))
    assert _told(fmt, body) == [(str(a), "home@x.kr"), (str(b), "own@x.kr"), (str(e), "last@x.kr")]
    [ended] = AuditEntry.objects.filter(action="segment.exported")
    assert ended.details["count"] == 3
    told = AuditEntry.objects.filter(action="segment.export_part").values_list("details__count", flat=True)
    assert sum(told) == 3


def _told(fmt: str, body: bytes) -> list[tuple[str, ...]]:
    if fmt == "parquet":
        return [tuple(row.values()) for row in ParquetFile(io.BytesIO(body)).read().to_pylist()]
    rows = map(json.loads, body.splitlines()) if fmt == "ndjson" else csv.DictReader(io.StringIO(body.decode()))
    return [tuple(row.values()) for row in rows]


@pytest.mark.django_db
def test_each_address_once_needs_addresses_and_spends_no_approval_else() -> None:
    made, _members = filled(2)
    with pytest.raises(Refused, match="contact values"):
        exported(made, once=True)
    assert not AuditEntry.objects.filter(action="segment.export_started").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("fmt", ["csv", "ndjson"])
def test_ad_platforms_get_the_digest_of_the_normalised_value(monkeypatch: pytest.MonkeyPatch, fmt: Any) -> None:
    made, (a, _) = filled(2)
    values = {a: "kim@x.kr"}
    monkeypatch.setattr("cdp.profiles.queries.contact_values", lambda _members, _kind: values)
    columns = ["contact_sha256", "country", "contact"]
    rows = exported(made, fmt=fmt, columns=columns, personal=True, approval=approved(made))
    assert [row["contact_sha256"] or "" for row in rows] == [hashlib.sha256(b"kim@x.kr").hexdigest(), ""]
    assert [(row["country"], row["contact"] or "") for row in rows] == [("KR", "kim@x.kr"), ("KR", "")]
    with pytest.raises(Refused, match="approv"):
        exported(made, columns=["contact_sha256"], personal=True)


def withdrawn_between_chunks(monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], set[str]]:
    """Export in chunks of two; after the first bytes all withdraw on another connection. (All sent, the first.)"""
    monkeypatch.setattr(exports, "GATE_CHUNK", 2)
    made, ids = filled(6)
    stream = exports.export(made, *MAIL, columns=["profile_id"], actor=ACTOR)
    sent = [next(stream), next(stream)]
    first = set(b"".join(sent).decode().split()[1:])
    at_once(lambda: says(ids, "withdrawn"))
    return {*b"".join([*sent, *stream]).decode().split()[1:]}, first


@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_between_two_chunks_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, first = withdrawn_between_chunks(monkeypatch)
    assert len(first) == 2 and sent == first


@pytest.mark.django_db(transaction=True)
def test_without_the_gate_the_test_above_would_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "allowed_among", lambda members, *_about: (members, {}))
    sent, first = withdrawn_between_chunks(monkeypatch)
    assert len(sent) == 6 and sent > first


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"), ("+cmd|' /C x'!A0", "'+cmd|' /C x'!A0"), ("-2+3", "'-2+3"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"), ("\rx", "'\rx"), ("＝1+1", "'＝1+1"), ("-5", "-5"), ("+821012345678", "+821012345678"),
        ("-5.25", "-5.25"), ("5", "5"), ("서울", "서울"), ("", ""), ("a=b", "a=b"), ("-", "'-"), ("+1\n", "'+1\n"),
    ],
)  # fmt: skip
def test_cells_are_defused(cell: str, safe: str) -> None:
    assert formats.defused(cell) == safe


class AnyCell(TestCase):
    @settings(max_examples=150, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8))
    @example("＝1")
    @example("+1\n")
    @example("-5")
    def test_the_database_defuses_as_python_does(self, cell: str) -> None:
        expression = formats._cell("country").replace("t.traits", "%(traits)s::jsonb")
        found = execute(f"select {expression}", {"traits": json.dumps({"country": cell})})[0][0]
        self.assertEqual(found, formats.defused(cell))
