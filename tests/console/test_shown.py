"""How values are written on a page."""

import pytest
from django.utils.translation import override

from cdp.console.case import _with_full_name
from cdp.console.templatetags.console import shown
from cdp.profiles.types import trait


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([{"name": "노을 욕실매트", "quantity": 2, "price": 17000}, {"name": "숲 크림"}], "노을 욕실매트 × 2, 숲 크림"),
        ([{"sku": "A"}], '[{"sku": "A"}]'),
        ([{"name": 3}], '[{"name": 3}]'),
        ([], "[]"),
        ({"name": "x"}, '{"name": "x"}'),
        (True, "yes"),
        (12_000, "12,000"),
    ],
)
def test_values_are_written_for_reading(value: object, text: str) -> None:
    with override("en"):
        assert shown(value) == text


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"family_name": "박", "given_name": "예지"}, "박예지"),
        ({"family_name": "Park", "given_name": "Yeji"}, "Yeji Park"),
        ({"full_name": "박예지", "given_name": "예지"}, "박예지"),
        ({"given_name": "예지"}, None),
    ],
)
def test_a_name_said_in_parts_stands_beside_one_said_as_a_whole(said: dict[str, str], name: str | None) -> None:
    assert _with_full_name(said).get("full_name") == name


def test_totals_of_money_have_words_in_every_currency() -> None:
    known = trait("revenue_total_EUR")
    assert known and (known.label_en, known.label_ko) == ("EUR spent in all", "EUR 구매 총액")
    assert trait("revenue_total_euros") is None and trait("tier") is None
