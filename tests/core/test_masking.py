"""What is left of a personal value is enough to recognise and too little to use, whatever the value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.core.masking import mask


@pytest.mark.parametrize(
    ("attribute", "value", "masked"),
    [
        ("full_name", "김민준", "김**"),
        ("full_name", "남궁민수", "남**"),
        ("full_name", "John Smith", "J*** S***"),
        ("email", "kim@example.com", "k***@e***.com"),
        ("email", "no address", "***"),
        ("phone", "+821012345678", "010-****-5678"),
        ("phone", "010-1234-5678", "010-****-5678"),
        ("phone", "119", "***"),
        ("birth_date", "1987-03-04", "1987-**-**"),
        ("address", "서울특별시 중구 세종대로 110", "서울특별시 ***"),
        ("region", "서울", "서울"),
        ("nickname", "tiger", "t***"),
        ("email", "", ""),
    ],
)
def test_masks(attribute: str, value: str, masked: str) -> None:
    assert mask(attribute, value) == masked


@given(st.from_regex(r"[a-z]{3,20}", fullmatch=True), st.from_regex(r"[a-z]{3,20}\.(com|kr)", fullmatch=True))
def test_an_address_keeps_two_letters_and_its_ending(local: str, domain: str) -> None:
    masked = mask("email", f"{local}@{domain}")
    assert masked == f"{local[0]}***@{domain[0]}***.{domain.rpartition('.')[2]}"


@given(
    st.sampled_from(["full_name", "given_name", "email", "phone", "birth_date", "address", "other"]),
    st.text(min_size=4),
)
def test_nothing_of_four_characters_or_more_stays_whole(attribute: str, value: str) -> None:
    assert value.strip("* \n") == "" or mask(attribute, value) != value
