"""Names of fields: which are attributes of a person, which are personal, which the specifications reserve."""

import re
from functools import lru_cache
from itertools import pairwise

from cdp.ingestion.shapes import personal_shape

# Canonical attribute ← how SDKs and files call it, without case, spaces, hyphens and underscores.
_ATTRIBUTES = {
    "full_name": "fullname name customername membername 이름 성명 성함 고객명 회원명",
    "given_name": "givenname firstname forename",
    "family_name": "familyname lastname surname",
    "email": "email emailaddress mail 이메일 이메일주소 메일 전자우편",
    "phone": "phone phonenumber mobile mobilephone mobilenumber cellphone tel telephone "
    "휴대폰 휴대폰번호 휴대전화 핸드폰 핸드폰번호 전화 전화번호 연락처",
    "birth_date": "birthdate birthday dateofbirth dob 생년월일 생일",
    "gender": "gender sex 성별",
    "address": "address addr street streetaddress 주소",
    "city": "city 도시 시군구",
    "region": "region state province 시도 지역",
    "postcode": "postcode postalcode zip zipcode 우편번호",
    "country": "country countrycode 국가",
}


def words(text: str) -> frozenset[str]:
    """The words of `text`, as a set."""
    return frozenset(text.split())


ATTRIBUTE_OF = {alias: attribute for attribute, aliases in _ATTRIBUTES.items() for alias in aliases.split()}
ATTRIBUTES = frozenset(_ATTRIBUTES)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
# One of these words in a name makes the field personal …
_PERSONAL = words(
    "email mail phone mobile cellphone telephone tel fax birthday birthdate dob birth address addr street zip zipcode "
    "postcode postal ssn rrn passport ip latitude longitude lat lng lon coordinates iban password token username "
    "nickname firstname lastname fullname surname forename avatar website signature"
)
# … or two of these together, in this order.
_PERSONAL_PAIRS = frozenset(
    (first, second)
    for seconds, firsts in (
        ("name", "first last full given family middle maiden user nick real customer member receiver recipient sender "
                 "buyer guardian contact person patient holder owner shipping billing father mother spouse caller"),
        ("number card account", "card account bank social license licence resident national"),
        ("license licence", "driver drivers driving"),
        ("security sec", "social soc"),
        ("id no number", "national citizen resident identity tax"),
    )
    for second in seconds.split()
    for first in firsts.split()
)  # fmt: skip
_NOT_PERSONAL_ENDS = words("domain count verified valid opened clicked sent type")
_KOREAN = re.compile(
    r"(?<!상품)(?<!제품)이름|성명|성함|고객명|회원명|휴대폰|휴대전화|핸드폰|전화|연락처|이메일|메일|생년월일|생일|주소|우편번호|주민|여권|면허번호|"
    r"계좌|카드번호|수령인|받는|예금주|보호자|담당자|비밀번호"
)
_FREE_TEXT = words(
    "text comment comments message note notes memo remark remarks content body feedback transcript opinion answer "
    "inquiry reviewbody reviewtext reviewcontent freetext description summary 메모 내용 의견 후기 문의 상담내용 비고"
)
LONGEST_NAME = 64

# What the e-commerce and page specifications reserve: known to speak of things, so length does not matter.
PRODUCT_FIELDS = words(
    "name brand category variant sku product_id coupon affiliation image_url url position list_id creative "
    "promotion_id description"
)  # fmt: skip
PAGE_FIELDS = frozenset(("name", "category"))
# Traits of a person that say who it is although their names are harmless elsewhere.
TRAITS_OF_A_PERSON = frozenset(("id", "title", "description", "company", "employer"))


def squeezed(name: str) -> str:
    """A field's name without case, spaces, hyphens and underscores."""
    return re.sub(r"[\s_\-]", "", name).lower()


@lru_cache(maxsize=8192)
def attribute_of(name: str) -> str | None:
    """The canonical attribute that a trait or column of this name holds, or None."""
    return ATTRIBUTE_OF.get(squeezed(name))


@lru_cache(maxsize=16384)
def is_personal_name(name: str) -> bool:
    """Whether values under this name are sealed whatever they look like: personal, free text, or no sensible name."""
    if len(name) > LONGEST_NAME or squeezed(name) in _FREE_TEXT or name == "name" or _KOREAN.search(name):
        return True
    parts = [word.lower() for word in _WORDS.findall(name)]
    if parts and parts[-1] in _NOT_PERSONAL_ENDS:
        return personal_shape(name) is not None
    pairs = pairwise(parts)
    return (
        not _PERSONAL.isdisjoint(parts) or any(pair in _PERSONAL_PAIRS for pair in pairs) or bool(personal_shape(name))
    )
