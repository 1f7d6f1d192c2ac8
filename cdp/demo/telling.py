"""Segments that tell something about the generated customers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Telling:
    key: str
    name: str
    description: str
    rule: dict[str, Any]
    purpose: str = "marketing"


def telling_segments(now: datetime) -> list[Telling]:
    """The demonstration's segments as of `now` (aware, in the deployment's zone)."""
    return [
        Telling(
            "cart-abandoned",
            "장바구니 이탈 · Cart abandoned",
            "Put something into a cart in the last 24 hours and ordered nothing since.",
            {"all": [{"event": "Product Added", "within": {"hours": 24}}, _no_order_in(hours=24)]},
        ),
        Telling(
            "vips-gone-quiet",
            "조용해진 VIP · VIPs gone quiet",
            "Spent 500,000 won or more, and nothing in the last 60 days.",
            {"all": [{"trait": "revenue_total_KRW", "op": "gte", "value": 500_000}, _no_order_in(days=60)]},
        ),
        Telling(
            "store-regulars-without-app",
            "앱 없는 매장 단골 · Store regulars without the app",
            "Three receipts or more in stores in a year, and no app.",
            {"all": [_receipts_in_stores(3, 365), {"trait": "has_app", "op": "eq", "value": False}]},
        ),
        Telling(
            "unhappy-call",
            "불만 통화 후 구매 없음 · Unhappy call, nothing bought",
            "A call rated 1 or 2 in the last 60 days, and no order in these 60 days.",
            {"all": [_unhappy_call(60), _no_order_in(days=60)]},
        ),
        Telling(
            "birthday-this-month",
            "이달의 생일 · Birthdays this month",
            f"Born in month {now.month}.",
            {"trait": "birth_month", "op": "eq", "value": now.month},
        ),
        Telling(
            "loan-broken-off",
            "중단된 대출 신청 · Loan application broken off",
            "Started a loan application in the last 90 days that was never decided.",
            {
                "all": [
                    {"event": "Application Started", "within": {"days": 90}},
                    {"not": {"event": "Review Decided", "within": {"days": 90}}},
                ]
            },
            purpose="service",
        ),
    ]


def _no_order_in(**window: int) -> dict[str, Any]:
    return {"not": {"event": "Order Completed", "within": window}}


def _receipts_in_stores(count: int, days: int) -> dict[str, Any]:
    in_store = [{"property": "register", "op": "exists"}]
    return {
        "event": "Order Completed",
        "where": in_store,
        "count": {"op": "gte", "value": count},
        "within": {"days": days},
    }


def _unhappy_call(days: int) -> dict[str, Any]:
    unhappy = [{"property": "satisfaction", "op": "lte", "value": 2}]
    return {"event": "Call Completed", "where": unhappy, "within": {"days": days}}
