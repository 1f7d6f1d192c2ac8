"""Events and fields are called in the reader's language, and each word leads back to one name."""

from datetime import UTC, datetime

import pytest
from django.utils.translation import override

from cdp.events.models import Event
from cdp.events.words import EVENTS, FIELDS, event_word, field_word


def test_korean_has_words_of_its_own_and_english_calls_events_as_the_specifications_do() -> None:
    with override("ko"):
        assert (event_word("Order Completed"), event_word("주문함")) == ("구매 완료", "주문함")
        assert (field_word("products[].quantity"), field_word("products[].nobody")) == (
            "상품 목록 › 수량",
            "products[].nobody",
        )
    assert event_word("Order Completed") == "Order Completed" and field_word("duration_s") == "Duration in seconds"


@pytest.mark.parametrize("words", [EVENTS.values(), *zip(*FIELDS.values(), strict=True)])
def test_a_word_that_somebody_writes_means_one_name(words: tuple[str, ...]) -> None:
    assert len(set(words)) == len(words) and not set(words) & EVENTS.keys()


def test_an_event_is_titled_by_its_word_and_the_time_of_the_place() -> None:
    event = Event(name="Order Completed", occurred_at=datetime(2026, 5, 1, 16, 30, tzinfo=UTC))
    with override("ko"):
        assert str(event) == "구매 완료 2026-05-02 01:30"
