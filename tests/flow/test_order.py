"""The same set of events gives the same people, values, consents and memberships, in whatever order it arrives."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cdp.core import crypto
from cdp.ingestion import sources
from identity import fold, folding
from tests.database import wipe
from tests.flow.outcome import differences, outcome
from tests.flow.world import Item, begin, deliver, member, message, sale, worlds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def low_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Limits that a small world reaches."""
    monkeypatch.setattr(folding, "MOST_HOLDERS", 5)
    monkeypatch.setattr(fold, "HISTORY", 3)
    yield


class OneByOne(Random):
    """Chance that delivers every item alone, the pipeline after each."""

    def random(self) -> float:
        return 0.0

    def randint(self, a: int, b: int) -> int:
        return a


def after(items: Sequence[Item], chance: Random | None = None) -> dict[str, Any]:
    """What an empty installation says after these items."""
    wipe()
    crypto.forget_keys()
    sources.forget()
    deliver(items, begin(), chance)
    return outcome()


SMALL_WORLDS: dict[str, list[Item]] = {
    "an earlier claim of a device comes later": [
        message("app", "identify", 20, userId="u4", anonymousId="cookie-0"),
        message("app", "page", 30, anonymousId="cookie-0"),
        message("app", "identify", 5, userId="u0", anonymousId="cookie-0"),
        message("app", "identify", 40, userId="u4", traits={"email": "p1@shop.example"}),
    ],
    "two members name one receipt": [
        sale(1, receipt="r-1"),
        sale(2, receipt="r-1", member="card-1"),
        sale(3, receipt="r-1", member="card-2"),
        member("card-2", 9, phone="01023456780"),
    ],
    "a visitor gives the phone of one and the e-mail of another": [
        member("card-1", 1, phone="01023456780"),
        member("card-2", 2, email="p2@shop.example"),
        message(
            "web", "identify", 3, anonymousId="cookie-1", traits={"phone": "01023456780", "email": "p2@shop.example"}
        ),
        member("card-1", 9, full_name="김서연"),
    ],
    "a phone becomes everybody's": [
        message("web", "identify", 1, anonymousId="cookie-1", traits={"phone": "01023456780"}),
        *(member(f"card-{number}", number, phone="01023456780") for number in range(7)),
    ],
    "many numbers, and the first opted out": [
        *(member("card-1", number, phone=f"0102345678{number}") for number in range(6)),
        message("web", "identify", 3, userId="u1", traits={"phone": "01023456780"}),
    ],
}


@pytest.mark.parametrize("story", SMALL_WORLDS)
def test_small_worlds_end_the_same_one_by_one_and_at_once(story: str) -> None:
    items = SMALL_WORLDS[story]
    expected = after(items)
    for order in (items, items[::-1]):
        assert differences(expected, after(order, OneByOne())) == []


@settings(
    max_examples=3, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)  # fmt: skip
@given(items=worlds, seed=st.integers(0, 2**32))
def test_any_order_ends_the_same(items: list[Item], seed: int) -> None:
    chance = Random(seed)
    expected = after(items)
    backwards = after(items[::-1], chance)
    assert differences(expected, backwards) == []
    # Shuffled, and a third of it sent twice, as libraries do that got no answer.
    shuffled = chance.sample(items, len(items)) + chance.sample(items, len(items) // 3)
    assert differences(expected, after(shuffled, chance)) == []
