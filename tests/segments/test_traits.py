"""Computed traits stand in the golden record, follow what happens and what time does, and rules read them."""

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdp.core.errors import Refused
from cdp.events.models import Event, PlannedField
from cdp.profiles.models import Golden
from consent.models import Purpose
from identity.models import Profile, Record
from segments import actions, engines, membership, queries, traits
from segments.models import ComputedTrait, Segment
from segments.query.problems import RuleError
from segments.vocabulary import Names, in_words
from tests.segments.people import ACTOR, NOW, happened, members_of, people, person, record_of, segment

pytestmark = pytest.mark.django_db
ORDERED = "Order Completed"
DAYS_90: dict[str, Any] = {"within": {"days": 90}}


def trait(key: str = "spent", kind: str = "sum", path: str = "revenue", publish: bool = True, **fields: Any) -> Any:
    about: Any = {
        "key": key, "label_en": f"{key} in words", "label_ko": f"{key} 설명", "kind": kind, "event": ORDERED,
        "path": path,
    }  # fmt: skip
    made = traits.create(ACTOR, **(about | fields))
    return traits.publish(ACTOR, made) if publish else made


def ordered(profile: UUID, won: int = 100, days_ago: float = 1, **fields: Any) -> None:
    about = {"revenue": won, "currency": "KRW", "order_id": str(uuid4())} | fields
    happened(profile, ORDERED, NOW - timedelta(days=days_ago), **about)


def values(profile: UUID) -> dict[str, Any]:
    """The computed traits of a golden record, which all its traits agree with."""
    golden = Golden.objects.get(profile=profile)
    found: dict[str, Any] = golden.computed
    assert {name: value for name, value in golden.traits.items() if name.startswith("computed.")} == found
    return found


def test_whoever_was_touched_has_new_values_and_is_in_the_segments_of_them_in_the_same_step() -> None:
    trait("spent", condition=DAYS_90)
    trait("orders", "count", "")
    trait("largest", "max")
    trait("brands", "list", "brand")
    big = segment("big", {"trait": "computed.spent", "op": "gte", "value": 150})
    haru = segment("haru", {"trait": "computed.brands[]", "op": "eq", "value": "haru"})
    one, other = person(orders_count=7), person()
    ordered(one, 100, properties={"brand": "haru"})
    ordered(one, 60, properties={"brand": "blue"})
    ordered(one, 900, days_ago=91)
    actions.refresh_profiles([one, other], NOW)
    assert values(one) == {
        "computed.spent": 160, "computed.orders": 3, "computed.largest": 900, "computed.brands": ["blue", "haru"],
    }  # fmt: skip
    assert Golden.objects.get(profile=one).traits["orders_count"] == 7
    assert values(other) == {"computed.spent": 0, "computed.orders": 0}
    assert members_of(big).keys() == members_of(haru).keys() == {one}


def test_values_follow_records_from_profile_to_profile() -> None:
    trait("orders", "count", "")
    into, merged = person(), person()
    ordered(into)
    ordered(merged)
    actions.refresh_profiles([into, merged], NOW)
    record = record_of(merged)
    Record.objects.filter(pk=record).update(profile=into)
    Profile.objects.filter(pk=merged).update(state="merged", redirect_id=into)
    actions.refresh_profiles([into, merged], NOW)
    assert values(into) == {"computed.orders": 2}
    Record.objects.filter(pk=record).update(profile=merged)
    Profile.objects.filter(pk=merged).update(state="live", redirect_id=None)
    actions.refresh_profiles([into, merged], NOW)
    assert values(into) == values(merged) == {"computed.orders": 1}
    Event.objects.filter(record=record).delete()
    actions.refresh_profiles([merged], NOW)
    assert values(merged) == {"computed.orders": 0}


def test_a_full_run_knows_everybody_and_time_alone_moves_values_and_segments() -> None:
    made = trait(condition=DAYS_90, publish=False)
    one, other = person(), person()
    ordered(one, 70, days_ago=89)
    traits.publish(ACTOR, made)
    rich = segment("rich", {"trait": "computed.spent", "op": "gt", "value": 0})
    done = traits.recompute(made.pk, NOW)
    assert (values(one), values(other)) == ({"computed.spent": 70}, {"computed.spent": 0})
    assert (done.profiles, done.error) == (2, "")
    assert done.computed_at and done.due_at and done.due_at > done.computed_at
    actions.recompute(rich.pk, NOW)
    assert members_of(rich).keys() == {one}
    Segment.objects.update(due_at=None)
    traits.recompute(made.pk, NOW + timedelta(days=1, seconds=1))
    assert values(one) == {"computed.spent": 0}
    assert Segment.objects.get(pk=rich.pk).due_at is not None
    ComputedTrait.objects.update(due_at=NOW)
    assert actions.refresh_due() >= 2
    assert not members_of(rich) and traits.refresh_due() == 0


def test_a_run_of_many_takes_parts_and_a_change_meanwhile_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traits, "CHUNK", 2)
    made = trait("orders", "count", "")
    everybody = people(5)
    assert traits.recompute(made.pk, NOW).profiles == 5
    assert all(values(one) == {"computed.orders": 0} for one in everybody)
    stale = ComputedTrait.objects.get(pk=made.pk)
    changed = traits.change(ACTOR, made, event="Viewed")
    traits._full_run(stale, NOW)
    stored = ComputedTrait.objects.get(pk=made.pk)
    assert stored.due_at == changed.due_at and stored.computed_at == stale.computed_at


def test_what_a_crash_interrupted_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traits, "CHUNK", 2)
    trait("orders", "count", "")
    everybody = people(5)
    part, parts = traits._some, iter(range(9))

    def dies(*about: Any) -> tuple[int, int]:
        if next(parts) == 1:
            raise SystemExit
        return part(*about)

    monkeypatch.setattr(traits, "_some", dies)
    with pytest.raises(SystemExit):
        traits.refresh_due()
    assert sum(bool(values(one)) for one in everybody) == 2
    assert traits.refresh_due() == 1 and all(map(values, everybody))


def test_segments_follow_a_run_that_dies_just_before_it_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    spent, one = trait("spent"), person()
    ordered(one)
    big = segment("big", {"trait": "computed.spent", "op": "gte", "value": 1})
    actions.recompute(big.pk, NOW)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(traits, "_over", die)
        traits.recompute(spent.pk, NOW)
    traits.recompute(spent.pk, NOW)
    assert big.pk in {due.pk for due in membership.due()}, "the second run finds nothing changed any more"


def die(*_about: Any, **_also: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("engine", [engines.POSTGRESQL, engines.LAKE])
def test_each_engine_reads_computed_traits(engine: str) -> None:
    for made in (trait(), trait("brands", "list", "brand"), trait("when", "last", "at", value_type="date")):
        one, _two = person(), person()
        ordered(one, 12_345, properties={"brand": "haru", "at": "2026-05-01"})
        traits.recompute(made.pk, NOW)
    actions.refresh_profiles(list(Profile.objects.values_list("pk", flat=True)), NOW)
    rule = {"all": [{"trait": "computed.spent", "op": "eq", "value": 12_345},
                    {"trait": "computed.when", "op": "gte", "value": {"days_ago": 40}},
                    {"trait": "computed.brands[]", "op": "in", "value": ["haru", "x"]}]}  # fmt: skip
    found = b"".join(engines.members(engine, segment("on", rule), NOW)).decode().split()
    assert len(found) == 3


def test_the_catalog_knows_what_is_published_by_label_and_suggests_it() -> None:
    trait("spent")
    trait("seen", publish=False)
    trait("brands", "list", "brand")
    known = queries.catalog("marketing").traits
    told = {name: (spec.type, spec.label, spec.many) for name, spec in known.items() if name.startswith("computed.")}
    assert told == {
        "computed.spent": ("number", "spent in words", False), "computed.brands[]": ("string", "brands in words", True),
    }  # fmt: skip
    in_both = in_words({"trait": "computed.spent", "op": "gte", "value": 5}, "marketing", Names.read())
    assert "spent in words" in in_both["en"] and "spent 설명" in in_both["ko"]
    rule = {"any": [{"trait": "computed.brands", "op": "eq", "value": "a"},
                    {"trait": "computed.spent", "op": "gt", "value": "a"},
                    {"trait": "computed.seen", "op": "gt", "value": 1}]}  # fmt: skip
    with pytest.raises(RuleError) as caught:
        segment("wrong", rule)
    found = [(problem.path, problem.code, problem.params.get("near")) for problem in caught.value.problems]
    assert found[:2] == [
        ("/any/0/trait", "unknown_trait_near", "computed.brands[]"),
        ("/any/1/value", "wrong_type", None),
    ]
    assert found[2][0] == "/any/2/trait"


def test_a_purpose_reads_what_is_of_its_classes_even_through_another_segment() -> None:
    PlannedField.objects.create(event=ORDERED, path="income", treatment="clear", data_class="credit")
    with pytest.raises(RuleError, match="trait_class"):
        trait("income", "avg", "income")
    trait("income", "avg", "income", data_class="credit")
    reads = {"trait": "computed.income", "op": "gt", "value": 1}
    Purpose.objects.filter(pk="service").update(data_classes=["general", "credit"])
    with pytest.raises(RuleError, match="data_class"):
        segment("wrong", reads)
    segment("lent", reads, purpose="service")
    with pytest.raises(Refused, match="data class"):
        segment("through", {"segment": "lent"})


def test_what_segments_read_stays_and_goes_with_its_values_once_none_does() -> None:
    made, one = trait(), person()
    ordered(one)
    traits.recompute(made.pk, NOW)
    reads = segment("reads", {"trait": "computed.spent", "op": "gt", "value": 1})
    refused: list[dict[str, Any]] = [{"key": "other"}, {"kind": "count", "path": ""}, {"data_class": "credit"}]
    for forbidden in refused:
        with pytest.raises(Refused):
            traits.change(ACTOR, made, **forbidden)
    with pytest.raises(Refused, match="Segments read"):
        traits.archive(ACTOR, made)
    assert traits.change(ACTOR, made, label_en="Spent").state == "published"
    actions.archive(ACTOR, reads)
    traits.archive(ACTOR, made)
    traits.refresh_due()
    assert values(one) == {} and ComputedTrait.objects.get().due_at is None
    with pytest.raises(RuleError):
        segment("again", {"trait": "computed.spent", "op": "gt", "value": 1})


def test_one_that_cannot_be_computed_says_so_and_holds_up_no_other() -> None:
    broken, _fine, one = trait("broken"), trait("orders", "count", ""), person()
    ComputedTrait.objects.filter(pk=broken.pk).update(condition={"within": {"days": -1}})
    actions.refresh_profiles([one], NOW)
    assert values(one) == {"computed.orders": 0}
    assert traits.recompute(broken.pk).error == "rule refused: integer_range"
    with pytest.raises(ValidationError):
        trait("no-label", label_ko="")
    with pytest.raises(Refused, match="time zone"):
        trait("no-zone", zone="Mars/Base")


def test_a_step_that_fails_later_leaves_no_value() -> None:
    trait("orders", "count", "")
    one = person()
    with pytest.raises(DatabaseError), transaction.atomic():
        actions.refresh_profiles([one], NOW)
        Golden.objects.create(profile_id=one)
    assert values(one) == {}


class Quintiles(TestCase):
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=3), max_size=12))
    def test_quintiles_are_by_rank_among_all_who_bought_and_equal_for_equals(self, histories: list[Any]) -> None:
        made = trait("value", "rfm", "", condition=DAYS_90)
        bought: dict[UUID, tuple[int, int, int]] = defaultdict()
        for history in histories:
            one = person()
            for days, won in history:
                ordered(one, won, days + 1)
            if history:
                bought[one] = (-min(days for days, _ in history), len(history), sum(won for _, won in history))
        stranger = person()
        ordered(stranger, 5, days_ago=99)
        traits.recompute(made.pk, NOW)
        for one, figures in bought.items():
            below = [sum(other[n] < figures[n] for other in bought.values()) for n in range(3)]
            r, f, m = (5 * number // len(bought) + 1 for number in below)
            name = "computed.value"
            told = {f"{name}.recency": r, f"{name}.frequency": f, f"{name}.monetary": m, f"{name}.code": f"{r}{f}{m}"}
            assert values(one) == told
        assert values(stranger) == {}
        ComputedTrait.objects.all().delete()


def test_quintiles_wait_for_the_next_run_and_are_lost_with_the_orders() -> None:
    made, one = trait("value", "rfm", ""), person()
    ordered(one)
    actions.refresh_profiles([one], NOW)
    assert values(one) == {}
    traits.recompute(made.pk, NOW)
    best = segment("best", {"trait": "computed.value.code", "op": "eq", "value": "111"})
    actions.recompute(best.pk, NOW)
    actions.refresh_profiles([one], NOW)
    assert values(one)["computed.value.code"] == "111" and members_of(best).keys() == {one}
    Event.objects.all().delete()
    traits.recompute(made.pk, NOW)
    assert values(one) == {}
    assert queries.catalog("marketing").traits["computed.value.recency"].label == "value in words: recency"
