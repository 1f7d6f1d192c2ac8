"""The golden record's vocabulary."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Trait:
    """A coarse clear trait: `type` is number, text, boolean, date or moment."""

    type: str
    data_class: str
    label_en: str
    label_ko: str


@dataclass(frozen=True)
class Winner:
    """Which record gave an attribute's value, from which moment on, and by which rule it won."""

    record: UUID
    value: str
    at: str
    why: str


@dataclass(frozen=True)
class ContactPointValue:
    """A record's address of one kind, normalised, and the period in which it was the record's present one."""

    record: UUID
    kind: str
    value: str
    valid_from: datetime
    valid_to: datetime | None
    usable: bool


@dataclass(frozen=True)
class GoldenRecord:
    """The clear part of a golden record: coarse traits, and for each attribute which record won, when, and why."""

    traits: dict[str, Any]
    lineage: dict[str, dict[str, str]]


@dataclass(frozen=True)
class ContactPointState:
    """A present contact point of a record: its kind, and why it is not used, where it is not."""

    record: UUID
    kind: str
    usable: bool
    reason: str


TRAITS: dict[str, Trait] = {
    "known": Trait("boolean", "general", "Known person", "식별된 사람"),
    "country": Trait("text", "general", "Country", "국가"),
    "region": Trait("text", "general", "Region", "시·도"),
    "city": Trait("text", "general", "City", "시·군·구"),
    "district": Trait("text", "general", "Postal district", "우편 지역"),
    "gender": Trait("text", "general", "Gender", "성별"),
    "age_band": Trait("text", "general", "Age band", "연령대"),
    "birth_month": Trait("number", "general", "Birth month", "생일 월"),
    "email_domain": Trait("text", "general", "E-mail domain", "이메일 도메인"),
    "has_email": Trait("boolean", "general", "Has an e-mail", "이메일 보유"),
    "has_phone": Trait("boolean", "general", "Has a phone", "전화번호 보유"),
    "has_app": Trait("boolean", "general", "Uses the app", "앱 사용"),
    "channels": Trait("text", "general", "Channels seen", "이용 채널"),
    "channels_count": Trait("number", "general", "Number of channels", "이용 채널 수"),
    "records_count": Trait("number", "general", "Number of records", "레코드 수"),
    "events_count": Trait("number", "general", "Number of events", "이벤트 수"),
    "orders_count": Trait("number", "general", "Number of orders", "주문 수"),
    "last_order_at": Trait("moment", "general", "Last order", "마지막 주문"),
    "first_seen": Trait("moment", "general", "First seen", "처음 본 때"),
    "last_seen": Trait("moment", "general", "Last seen", "마지막으로 본 때"),
    "nps_last": Trait("number", "general", "Latest NPS answer", "최근 NPS 점수"),
    "csat_last": Trait("number", "general", "Latest satisfaction", "최근 만족도"),
}

# The names of computed traits begin so, and no source may use such a name.
COMPUTED = "computed."

# Money that somebody spent or got back, one trait a currency.
MONEY_TRAIT = re.compile(r"(revenue|refund)_total_([A-Z]{3})")
_MONEY = {"revenue": ("spent in all", "구매 총액"), "refund": ("refunded in all", "환불 총액")}


def trait(name: str) -> Trait | None:
    """What is known of a trait by its name, totals of money included; None for those that sources name."""
    money = MONEY_TRAIT.fullmatch(name)
    if money is None:
        return TRAITS.get(name)
    (english, korean), currency = _MONEY[money[1]], money[2]
    return Trait("number", "general", f"{currency} {english}", f"{currency} {korean}")
