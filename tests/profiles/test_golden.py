"""The golden record: which value wins and why, what is clear, what money adds up to."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from cdp.core import crypto
from cdp.core.models import Touched
from cdp.events.actions import store
from cdp.events.models import Source
from cdp.events.types import NewEvent
from cdp.profiles import actions, queries
from cdp.profiles.models import ContactPoint, Golden, Minor, TraitPeriod
from identity.actions import fold_next, recluster
from identity.models import Profile, Record

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def sources() -> dict[str, Source]:
    def make(name: str, channel: str, rank: int) -> Source:
        return Source.objects.create(
            name=name, channel_id=channel, brand="haru", trust_rank=rank, zone="Asia/Seoul", currency="KRW"
        )

    return {"web": make("web", "web", 50), "pos": make("pos", "pos", 20), "app": make("app", "app", 50)}


def event(source: Source, name: str = "Identify", day: int = 0, user: str = "u1", **more) -> NewEvent:
    type_ = "identify" if name == "Identify" else "track"
    record = crypto.record_id(source.id, "user", user)
    attributes = more.pop("attributes", {})
    sealed = {"external_id": user} | ({"attributes": attributes} if attributes else {})
    return NewEvent(
        source=source.id, message_id=str(uuid4()), type=type_, name=name, record=record, kind="user", brand="haru",
        occurred_at=START + timedelta(days=day), sealed=sealed, **more,
    )  # fmt: skip


def arrives(*events: NewEvent) -> UUID:
    """Everything up to golden records; the profile of the first event's record."""
    with transaction.atomic():
        store(events)
    while fold_next(100):
        pass
    recluster({e.record for e in events})
    profile = Record.objects.get(pk=events[0].record).profile_id
    actions.refresh(list(Profile.objects.values_list("pk", flat=True)))
    return profile


def test_a_trusted_source_wins_over_a_recent_one_and_lineage_says_so(sources) -> None:
    web = event(sources["web"], day=9, attributes={"email": "min@shop.example", "city": "부산"})
    pos = event(sources["pos"], day=1, attributes={"email": "min@shop.example", "city": "서울"})
    profile = arrives(web, pos)
    golden = Golden.objects.get(pk=profile)
    assert golden.traits["city"] == "서울"
    assert golden.lineage["city"] == {"record": str(pos.record), "at": "2026-01-02T00:00:00.000000Z", "why": "source"}


def test_among_equals_the_recent_value_wins(sources) -> None:
    old = event(sources["web"], day=1, attributes={"email": "min@shop.example", "gender": "m"})
    new = event(sources["app"], day=5, attributes={"email": "min@shop.example", "gender": "f"})
    assert Golden.objects.get(pk=arrives(old, new)).traits["gender"] == "f"


def test_an_address_is_never_put_together_from_two(sources) -> None:
    whole = event(
        sources["web"], day=5, attributes={"email": "min@shop.example", "address": "세종대로 110", "city": "서울"}
    )
    part = event(sources["app"], day=9, attributes={"email": "min@shop.example", "city": "부산", "postcode": "48058"})
    traits = Golden.objects.get(pk=arrives(whole, part)).traits
    assert traits["city"] == "서울"
    assert "district" not in traits


def test_personal_values_are_read_through_the_lineage_and_never_stored_in_the_clear(sources) -> None:
    said = {
        "email": "secret.person@shop.example",
        "full_name": "비밀사람",
        "phone": "010-3333-4444",
        "birth_date": "1991-02-03",
    }
    profile = arrives(event(sources["web"], attributes=said))
    assert queries.personal([profile])[profile] == said
    assert queries.contact_values([profile], "phone") == {profile: "+821033334444"}
    golden = Golden.objects.get(pk=profile)
    stored = str(golden.traits) + str(golden.lineage)
    for value in said.values():
        assert value not in stored
    assert golden.traits["email_domain"] == "shop.example"
    assert golden.traits["birth_month"] == 2


@pytest.mark.parametrize(("today", "band"), [(date(2026, 5, 9), "20-29"), (date(2026, 5, 10), "30-39")])
def test_age_bands_turn_on_the_birthday(sources, today, band) -> None:
    from cdp.profiles.traits import _age_band

    assert _age_band(date(1996, 5, 10), today) == band


def test_an_order_counts_once_the_last_update_wins_and_refunds_subtract(sources) -> None:
    def order(
        name: str, revenue: int, day: int, order_id: str | None = "o1", source: str = "web", currency: str = "KRW"
    ) -> NewEvent:
        return event(sources[source], name, day, order_id=order_id, revenue=revenue, currency=currency)

    profile = arrives(
        order("Order Completed", 100_000, 1),
        order("Order Completed", 100_000, 1, source="web"),
        order("Order Updated", 80_000, 2),
        order("Order Completed", 30_000, 3, order_id=None),
        order("Order Completed", 1_999, 4, order_id="o2", currency="USD"),
        order("Order Refunded", 5_000, 5),
    )
    traits = Golden.objects.get(pk=profile).traits
    assert traits["revenue_total_KRW"] == 80_000 + 30_000 - 5_000
    assert traits["revenue_total_USD"] == 19.99
    assert traits["orders_count"] == 3
    assert traits["last_order_at"] == "2026-01-05T00:00:00.000000Z"


def test_only_identify_events_bring_traits(sources) -> None:
    profile = arrives(
        event(sources["web"], properties={"plan": "gold", "visits": 3}),
        event(sources["web"], "Viewed", 3, properties={"plan": "lead"}),
    )
    traits = Golden.objects.get(pk=profile).traits
    assert (traits["plan"], traits["visits"]) == ("gold", 3)


def test_what_a_source_sends_never_displaces_a_built_in_trait(sources) -> None:
    profile = arrives(event(sources["web"], properties={"orders_count": 999, "known": False}))
    traits = Golden.objects.get(pk=profile).traits
    assert (traits["orders_count"], traits["known"]) == (0, True)


def test_computed_traits_outlive_projections_and_no_source_can_send_them(sources) -> None:
    profile = arrives(event(sources["web"], properties={"plan": "gold", "computed.spent": 5, "computed.other": 1}))
    given = {"computed.spent": Decimal("12.5"), "computed.brands": ["a", "b"]}
    assert actions.publish_computed(given, {profile: given}) == [profile]
    assert actions.publish_computed(given, {profile: given}) == []
    arrives(event(sources["web"], day=1, properties={"plan": "lead", "computed.spent": 6}))
    traits = Golden.objects.get(pk=profile).traits
    assert (traits["plan"], traits["computed.spent"], traits["computed.brands"]) == ("lead", 12.5, ["a", "b"])
    assert "computed.other" not in traits
    actions.publish_computed(["computed.spent"], {profile: {}})
    golden = Golden.objects.get(pk=profile)
    assert golden.computed == {"computed.brands": ["a", "b"]} and "computed.spent" not in golden.traits


def test_a_replaced_phone_is_no_longer_usable(sources) -> None:
    profile = arrives(
        event(sources["web"], day=1, attributes={"phone": "010-1111-2222"}),
        event(sources["web"], day=9, attributes={"phone": "010-3333-4444"}),
    )
    points = {(p.usable, p.reason, p.valid_to) for p in ContactPoint.objects.all()}
    assert points == {(True, "", None), (False, "replaced", START + timedelta(days=9))}
    assert queries.contact_values([profile], "phone") == {profile: "+821033334444"}


def test_a_chosen_traits_past_is_kept(sources) -> None:
    profile = arrives(event(sources["web"], day=1, attributes={"region": "서울"}))
    arrives(event(sources["web"], day=2, attributes={"region": "부산"}))
    periods = list(
        TraitPeriod.objects.filter(profile=profile, trait="region").order_by("id").values_list("value", "valid_to")
    )
    assert [value for value, _ in periods] == ["서울", "부산"]
    assert periods[0][1] is not None
    assert periods[1][1] is None


def test_refreshing_twice_writes_nothing_and_a_merged_profile_loses_its_golden_record(sources) -> None:
    profile = arrives(event(sources["web"], attributes={"email": "min@shop.example"}))
    before = Golden.objects.get(pk=profile).updated_at
    Touched.objects.all().delete()
    actions.refresh([profile])
    assert Golden.objects.get(pk=profile).updated_at == before
    assert set(Touched.objects.values_list("stage", "subject")) == {("consent", profile), ("segments", profile)}
    other = Profile.objects.create()
    Record.objects.update(profile=other)
    Profile.objects.filter(pk=profile).update(state="merged", redirect=other)
    actions.refresh([profile, other.pk])
    assert list(Golden.objects.values_list("pk", flat=True)) == [other.pk]


def test_the_birth_month_of_whoever_was_met_as_a_minor_is_known_and_of_nobody_else(sources) -> None:
    met = {"u1": "2014-05-20", "u2": "2007-01-02", "u3": "2006-12-31", "u4": "1980-01-01"}
    profiles = {
        user: arrives(event(sources["web"], user=user, attributes={"birth_date": born})) for user, born in met.items()
    }
    born = dict(Minor.objects.values_list("profile_id", "born"))
    assert born == {profiles["u1"]: date(2014, 5, 1), profiles["u2"]: date(2007, 1, 1)}
    arrives(event(sources["web"], day=9, user="u1", attributes={"birth_date": "1984-05-20"}))
    assert set(Minor.objects.values_list("profile_id", flat=True)) == {profiles["u2"]}
