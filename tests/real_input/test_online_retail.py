"""Half a million real lines through the product's own doors, against numbers that DuckDB computes from the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db.models import Count
from pyarrow import parquet
from pytest_django.plugin import DjangoDbBlocker

from cdp import pipeline
from cdp.core import crypto
from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Event
from cdp.profiles.models import Golden
from identity.models import Profile, Record
from identity.queries import assignments
from segments import actions
from segments.models import Membership, Run
from tests.database import wipe
from tests.real_input.oracle import Oracle
from tests.real_input.shared import HERE, data_file

ACTOR = Actor.system("test")
# Ten minutes after the last line.
AS_OF = "2011-12-09T13:00:00+00:00"
BOUGHT = {"event": "Product Purchased"}
RULES: dict[str, object] = {
    "frequent": BOUGHT | {"count": {"op": "gte", "value": 10}, "within": {"days": 90}},
    "spenders": BOUGHT
    | {"sum": {"property": "revenue", "op": "gt", "value": 1000}, "currency": "GBP", "within": {"days": 180}},
    "christmas-quiet": {
        "all": [
            BOUGHT | {"where": [{"property": "product", "op": "contains", "value": "CHRISTMAS"}]},
            {"not": BOUGHT | {"within": {"days": 30}}},
        ]
    },
}


@dataclass(frozen=True)
class Shop:
    """What the import said, the oracle of the same file, and each segment's run."""

    file: Path
    said: str
    oracle: Oracle
    runs: dict[str, Run]


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Shop]:
    """The file imported, folded and projected, the segments computed: once, committed, and wiped at the end."""
    file = data_file("online_retail.parquet")
    with django_db_blocker.unblock():
        try:
            create_source(ACTOR, "retail", "web", currency="GBP", zone="Europe/London")
            said = imported(file)
            pipeline.advance()
            yield Shop(file, said, Oracle(file), {key: computed(key) for key in RULES})
        finally:
            wipe()
            crypto.forget_keys()


def imported(file: Path) -> str:
    out = StringIO()
    mapping = HERE / "online_retail.mapping.json"
    call_command("import_events", file, source="retail", mapping=mapping, stdout=out)
    return out.getvalue()


def computed(key: str) -> Run:
    made = actions.create_segment(ACTOR, key=key, name=key, purpose="marketing", zone="Europe/London", rule=RULES[key])
    actions.publish(ACTOR, made)
    return actions.recompute(made.pk, as_of=datetime.fromisoformat(AS_OF))


@pytest.fixture(scope="module")
def customers(shop: Shop, django_db_blocker: DjangoDbBlocker) -> dict[UUID, str]:
    """Profile → the customer number, read through its sealed external id."""
    with django_db_blocker.unblock():
        return {profile: external_id for profile, _, external_id in assignments()}


@pytest.mark.django_db
def test_every_line_is_one_event(shop: Shop) -> None:
    lines, _, _, refunds = shop.oracle.counts()
    assert lines == 541_909
    assert "rows: 541909, taken: 541909, repeated: 0, quarantined: 0" in shop.said
    named = dict(Event.objects.values_list("name").annotate(Count("id")))
    assert named == {"Product Purchased": lines - refunds, "Order Refunded": refunds}


@pytest.mark.django_db
def test_customers_become_profiles_and_receipts_of_nobody_do_not(shop: Shop, customers: dict[UUID, str]) -> None:
    _, people, receipts, _ = shop.oracle.counts()
    assert people == 4_372
    assert Record.objects.filter(kind="customer").count() == people
    assert Record.objects.filter(kind="receipt", leaf=True, profile=None).count() == receipts
    assert Record.objects.count() == people + receipts
    assert len(customers) == len(set(customers.values())) == Profile.objects.count() == people
    assert set(customers.values()) == shop.oracle.totals().keys()


@pytest.mark.django_db
def test_golden_records_hold_what_customers_spent(shop: Shop, customers: dict[UUID, str]) -> None:
    found = {
        customers[golden.profile_id]: (
            round(golden.traits["revenue_total_GBP"] * 100),
            golden.traits["orders_count"],
            golden.traits["events_count"],
            golden.traits["last_seen"],
        )
        for golden in Golden.objects.all()
    }
    assert found == shop.oracle.totals()


@pytest.mark.django_db
@pytest.mark.parametrize("key", RULES)
def test_segments_hold_whom_the_file_says(shop: Shop, customers: dict[UUID, str], key: str) -> None:
    expected = shop.oracle.members(AS_OF)[key]
    members = Membership.objects.filter(segment__key=key).values_list("profile", flat=True)
    assert {customers[profile] for profile in members} == expected
    assert shop.runs[key].state == Run.State.DONE
    assert shop.runs[key].members == len(members) == len(expected) > 100


@pytest.mark.django_db
def test_a_second_import_doubles_nothing(shop: Shop, tmp_path: Path) -> None:
    beginning = tmp_path / "beginning.parquet"
    parquet.write_table(parquet.read_table(shop.file).slice(0, 60_000), beginning)
    assert "taken: 0, repeated: 60000, quarantined: 0" in imported(beginning)
    assert Event.objects.count() == 541_909
