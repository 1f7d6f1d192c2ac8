"""Any ledger, in any order of arrival, adds up to what the rules say: gate, effective table and oracle agree."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core.statements import column
from consent.actions import record_consents, refresh_effective
from consent.models import Effective
from consent.queries import allowed, allowed_among, gate_sql
from consent.types import NewConsent
from tests.consent import oracle
from tests.consent.people import NOW, day, holds, profile, record

pytestmark = pytest.mark.django_db

RECORDS = ("web", "pos", "app")
VALUES = (("email", "one"), ("phone", "two"), ("phone", "three"))
CHANNELS = ("email", "sms", "call")
BRANDS = ("", "north", "south")
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

moments = st.integers(1, 6).map(day)
lines = st.builds(
    oracle.Line,
    who=st.sampled_from((*RECORDS, None)),
    contact=st.sampled_from(VALUES),
    purpose=st.just("marketing"),
    channel=st.sampled_from((None, *CHANNELS)),
    brand=st.sampled_from(BRANDS),
    state=st.sampled_from(("granted", "granted", "withdrawn", "refused")),
    at=moments,
    expires_at=st.sampled_from((None, None, NOW, NOW - timedelta(days=1), NOW + timedelta(days=1))),
)
ledgers = st.lists(
    st.tuples(lines, st.booleans()).map(lambda pair: _without_contact(pair[0]) if pair[1] and pair[0].who else pair[0]),
    max_size=12,
)
holdings = st.dictionaries(st.sampled_from(RECORDS), st.sets(st.sampled_from(VALUES)), min_size=1)
Held = dict[str, set[tuple[str, str]]]


def _without_contact(line: oracle.Line) -> oracle.Line:
    return oracle.Line(line.who, None, line.purpose, line.channel, line.brand, line.state, line.at, line.expires_at)


def digest(value: str) -> bytes:
    return value.encode().ljust(32)


def build(held: Held) -> tuple[UUID, dict[str, UUID]]:
    """The records of `held` as one profile; records that nobody of `held` is belong to nobody."""
    of = profile()
    records = {name: record(of if name in held else None) for name in RECORDS}
    for name, points in held.items():
        for kind, value in points:
            holds(records[name], kind, digest(value))
    return of, records


def written(line: oracle.Line, records: dict[str, UUID]) -> NewConsent:
    return NewConsent(
        key=uuid4(), record=records[line.who] if line.who else None,
        contact=(line.contact[0], digest(line.contact[1])) if line.contact else None, purpose=line.purpose,
        channel=line.channel, brand=line.brand, state=line.state, given_at=line.at, expires_at=line.expires_at,
        method="form", recorded_by="system:test",
    )  # fmt: skip


def effective(of: UUID) -> set[tuple[Any, ...]]:
    return set(Effective.objects.filter(profile=of).values_list("channel", "brand", "state", "since", "expires_at"))


class Undo(Exception):
    pass


@QUICK
@given(held=holdings, ledger=ledgers)
def test_gate_and_effective_table_agree_with_the_oracle(held: Held, ledger: list[oracle.Line]) -> None:
    with pytest.raises(Undo), transaction.atomic():
        of, records = build(held)
        record_consents(written(line, records) for line in ledger)
        refresh_effective([of])
        for channel in CHANNELS:
            _compare_states(of, held, ledger, channel)
            for brand in (*BRANDS, "east"):
                _compare_gates(of, held, ledger, channel, brand)
        raise Undo


def _compare_states(of: UUID, held: Held, ledger: list[oracle.Line], channel: str) -> None:
    told = Effective.objects.filter(profile=of, channel=channel).values_list("brand", "state", "expires_at")
    found = {brand: "expired" if end and state == "granted" and end <= NOW else state for brand, state, end in told}
    said = {brand: oracle.state(ledger, held, "marketing", channel, brand, NOW) for brand in BRANDS}
    assert found == {brand: state for brand, state in said.items() if state}


def _compare_gates(of: UUID, held: Held, ledger: list[oracle.Line], channel: str, brand: str) -> None:
    expected = {of} if oracle.allowed(ledger, held, "marketing", channel, brand, NOW) else set()
    assert allowed([of], "marketing", channel, NOW, brand) == expected
    assert set(column(*gate_sql("marketing", channel, NOW, brand))) & {of} == expected
    among, parameters = allowed_among("select %(of)s::uuid", "marketing", channel, NOW, brand)
    assert set(column(among, parameters | {"of": of})) == expected


@QUICK
@given(held=holdings, ledger=ledgers, data=st.data())
def test_the_order_of_arrival_is_no_matter(held: Held, ledger: list[oracle.Line], data: st.DataObject) -> None:
    with pytest.raises(Undo), transaction.atomic():
        of, records = build(held)
        other, others = build(held)
        record_consents(written(line, records) for line in ledger)
        for line in data.draw(st.permutations(ledger)):
            record_consents([written(line, others)])
            refresh_effective([other])
        refresh_effective([of])
        assert effective(of) == effective(other)
        raise Undo
