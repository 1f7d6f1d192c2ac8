"""Segments that tell something about the generated customers."""

from dataclasses import dataclass
from typing import Any

ORDER = {"event": "Order Completed"}


@dataclass(frozen=True)
class Telling:
    key: str
    name: str
    description: str
    rule: dict[str, Any]
    purpose: str = "marketing"


def _and_then_nothing(happened: dict[str, Any], never: dict[str, Any], **in_last: int) -> dict[str, Any]:
    """Something happened in a time up to now, and something else has not happened since."""
    return {"sequence": [happened], "then_not": never, "in_last": in_last}


def _where(event: str, name: str, op: str, *value: Any) -> dict[str, Any]:
    return {"event": event, "where": [{"property": name, "op": op, **({"value": value[0]} if value else {})}]}


CART_ABANDONED = Telling(
    "cart-abandoned",
    "장바구니 이탈 · Cart abandoned",
    "Put something into a cart in the last 24 hours and ordered nothing since.",
    _and_then_nothing({"event": "Product Added"}, ORDER, hours=24),
)
VIPS_GONE_QUIET = Telling(
    "vips-gone-quiet",
    "조용해진 VIP · VIPs gone quiet",
    "Spent 500,000 won or more, and nothing in the last 60 days.",
    {
        "all": [
            {"trait": "revenue_total_KRW", "op": "gte", "value": 500_000},
            {"not": {**ORDER, "within": {"days": 60}}},
        ]
    },
)
STORE_REGULARS = Telling(
    "store-regulars-without-app",
    "앱 없는 매장 단골 · Store regulars without the app",
    "Three receipts or more in stores in a year, and no app.",
    {
        "all": [
            _where("Order Completed", "register", "exists")
            | {"count": {"op": "gte", "value": 3}, "within": {"days": 365}},
            {"trait": "has_app", "op": "eq", "value": False},
        ]
    },
)
UNHAPPY_CALL = Telling(
    "unhappy-call",
    "불만 통화 후 구매 없음 · Unhappy call, nothing bought since",
    "A call rated 1 or 2 in the last 60 days, and no order since that call.",
    _and_then_nothing(_where("Call Completed", "satisfaction", "lte", 2), ORDER, days=60),
)
BIRTHDAY = Telling(
    "birthday-this-month",
    "이달의 생일 · Birthdays this month",
    "Born in the month that it is.",
    {"trait": "birth_month", "op": "eq", "value": {"this": "month"}},
)
LOAN_BROKEN_OFF = Telling(
    "loan-broken-off",
    "중단된 대출 신청 · Loan application broken off",
    "Started a loan application in the last 90 days, and nothing was decided since.",
    _and_then_nothing({"event": "Application Started"}, {"event": "Review Decided"}, days=90),
    purpose="service",
)
TELLING = (CART_ABANDONED, VIPS_GONE_QUIET, STORE_REGULARS, UNHAPPY_CALL, BIRTHDAY, LOAN_BROKEN_OFF)
