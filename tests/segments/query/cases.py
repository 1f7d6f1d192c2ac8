"""Each operator once: a rule, and by hand the members it has in a small world. The SQL is kept in tests/sql."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from segments.query.catalog import Catalog, PropertySpec, TraitSpec
from tests.segments.query.world import Event, World, uuid_of

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)  # in Seoul: 09:00 on the first of March
ZONE = ZoneInfo("Asia/Seoul")
TICK = timedelta(microseconds=1)

CATALOG = Catalog(
    traits={
        "country": TraitSpec("string", label="Country"),
        "visits": TraitSpec("number"),
        "vip": TraitSpec("boolean"),
        "joined": TraitSpec("date"),
        "last_seen": TraitSpec("moment"),
        "credit_score": TraitSpec("number", "credit"),
        "computed.brands[]": TraitSpec("string", many=True),
    },
    events={"Order Completed": {"category": PropertySpec("string"), "items": PropertySpec("number")}, "Viewed": {}},
    segments={"vip": uuid_of("vip"), "lapsed": uuid_of("lapsed")},
    lists={"invited": uuid_of("invited"), "complained": uuid_of("complained")},
    purposes={"marketing", "service"},
    channels={"email", "sms"},
    currency="KRW",
)


def order(record: str, days_ago: float, message_id: str, **rest: Any) -> Event:
    return Event(record, "Order Completed", AS_OF - timedelta(days=days_ago), message_id, **rest)


def won(amount: int, order_id: str | None) -> dict[str, Any]:
    return {"revenue": amount, "currency": "KRW", "order_id": order_id}


BASKET = {
    "products": [
        {"category": "a", "price": 3, "sizes": [38, 40.5]},
        {"category": "b", "price": "9", "sizes": 44},
        {"category": "b", "price": 4},
        None,
        "b",
    ]
}
WORLD = World(
    profiles={"ann": "live", "bob": "live", "cho": "live", "dee": "live", "old": "redirected"},
    traits={
        "ann": {
            "country": "KR",
            "visits": 3,
            "vip": True,
            "joined": "2026-01-01",
            "last_seen": "2026-02-28T15:00:00.000000Z",
            "computed.brands": ["north", "haru"],
        },
        "bob": {
            "country": "US",
            "visits": 12.5,
            "vip": False,
            "joined": "2025-06-30",
            "last_seen": "2026-02-28T14:59:59.999999Z",
            "computed.brands": "north",
        },
        # Nothing of cho's is what it seems: texts that look like numbers, flags, dates.
        "cho": {"country": None, "visits": "12", "vip": "true", "joined": "yesterday", "last_seen": "2026-02-28"},
        "old": {
            "country": "KR",
            "visits": 3,
            "vip": True,
            "joined": "2026-01-01",
            "last_seen": "2026-02-28T15:00:00.000000Z",
        },
    },
    records={"web": "ann", "app": "ann", "pos": "bob", "call": "cho", "stale": "old", "nobody": None},
    events=[
        order("web", 10, "m1", properties={"category": "shoes", "items": 2, "colour": 1}, **won(30_000, "A1")),
        order("app", 9, "m2", properties={"category": "shoes", "items": "2", "colour": "1"}, **won(20_000, "A1")),
        order("web", 45, "m3", properties={"category": "Hats", "items": 1, "colour": True}, **won(10_000, "A2")),
        order("pos", 30, "m4", properties={"category": "sh%es", "items": 0.25}, **won(5_000, None)),
        order("pos", 30, "m5", properties={"category": None}, **won(5_000, None)),
        order("pos", 0, "m6", properties={"category": "shoes"}, **won(99_000, "B9")),
        order("pos", 5, "m7", revenue=1_250, currency="USD", order_id="B2"),
        order("nobody", 5, "m8", properties={"category": "shoes"}, **won(7, "N1")),
        order("stale", 5, "m9", properties={"category": "shoes"}, **won(7, "O1")),
        Event("web", "Basket", AS_OF - timedelta(days=12), "m14", BASKET),
        Event("pos", "Basket", AS_OF - timedelta(days=12), "m15", {"products": {"category": "b", "price": 9}}),
        Event("call", "Viewed", AS_OF - TICK, "m10", {"address": {"city": "Seoul"}, "tags": ["a"], "score": 10**40}),
        Event("call", "Viewed", AS_OF - timedelta(hours=33), "m11", {"due": "2026-02-27", "born": "2024-02-29"}),
        Event("call", "Line Sold", AS_OF - timedelta(days=9), "m12", {}, revenue=700, currency="KRW", order_id="R1"),
        Event("call", "Line Sold", AS_OF - timedelta(days=9), "m13", {}, revenue=800, currency="KRW", order_id="R1"),
    ],
    consents=[
        ("ann", "marketing", "email", "", "granted"),
        ("bob", "marketing", "email", "", "withdrawn"),
        ("bob", "marketing", "sms", "", "granted"),
        ("cho", "marketing", "email", "north", "granted"),
    ],
    members=[("vip", "bob"), ("vip", "dee"), ("lapsed", "cho")],
    once=[("vip", "bob"), ("vip", "ann"), ("vip", "old")],
    listed=[("invited", "ann"), ("invited", "ann"), ("invited", "old"), ("complained", "cho")],
)

ORDERS = {"event": "Order Completed"}


def trait(name: str, op: str, *value: Any) -> dict[str, Any]:
    return {"trait": name, "op": op, **({"value": value[0]} if value else {})}


def orders(**rest: Any) -> dict[str, Any]:
    return {**ORDERS, **rest}


def viewed(name: str, op: str, *value: Any) -> dict[str, Any]:
    return {"event": "Viewed", "where": [{"property": name, "op": op, **({"value": value[0]} if value else {})}]}


def revenue(op: str, value: Any, **rest: Any) -> dict[str, Any]:
    return {"property": "revenue", "op": op, "value": value, **rest}


def property_is(event: str, name: str, op: str, *value: Any) -> dict[str, Any]:
    return {"event": event, "where": [{"property": name, "op": op, **({"value": value[0]} if value else {})}]}


def line(name: str, op: str, *value: Any) -> dict[str, Any]:
    return property_is("Basket", name, op, *value)


TWO = {"op": "eq", "value": 2}
CATEGORY_IS_SHOES = {"property": "category", "op": "eq", "value": "shoes"}
HATS = property_is("Order Completed", "category", "eq", "Hats")
SHOES = property_is("Order Completed", "category", "eq", "shoes")
IN_DOLLARS = property_is("Order Completed", "currency", "eq", "USD")
OF_A_KIND = property_is("Order Completed", "category", "exists")

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "event_revenue_lines": ({"event": "Line Sold", "sum": revenue("eq", 1_500)}, "cho"),
    "trait_eq": (trait("country", "eq", "KR"), "ann"),
    "trait_ne": (trait("country", "ne", "KR"), "bob cho dee"),
    "trait_in": (trait("visits", "in", [3, 12]), "ann"),
    "trait_not_in": (trait("country", "not_in", ["KR", "JP"]), "bob cho dee"),
    "trait_gt": (trait("visits", "gt", 3), "bob"),
    "trait_gte": (trait("visits", "gte", 3), "ann bob"),
    "trait_lt": (trait("visits", "lt", 12.5), "ann"),
    "trait_lte": (trait("visits", "lte", 12.5), "ann bob"),
    "trait_between": (trait("visits", "between", [3, 12.5]), "ann bob"),
    "trait_contains": (trait("country", "contains", "K"), "ann"),
    "trait_starts_with": (trait("country", "starts_with", "U"), "bob"),
    "trait_exists": (trait("country", "exists"), "ann bob"),
    "trait_not_exists": (trait("country", "not_exists"), "cho dee"),
    "trait_boolean": (trait("vip", "eq", False), "bob"),
    "trait_string_order": (trait("country", "gt", "KR"), "bob"),
    "date_gte": (trait("joined", "gte", "2026-01-01"), "ann"),
    "date_between": (trait("joined", "between", ["2025-06-30", "2025-12-31"]), "bob"),
    "date_in": (trait("joined", "in", ["2026-01-01", "2025-06-30"]), "ann bob"),
    "date_days_ago": (trait("joined", "lt", {"days_ago": 59}), "bob"),
    "moment_day": (trait("last_seen", "eq", "2026-03-01"), "ann"),
    "moment_lte_day": (trait("last_seen", "lte", "2026-02-28"), "bob"),
    "moment_days_ago": (trait("last_seen", "gte", {"days_ago": 1}), "ann bob"),
    "moment_calendar": (trait("last_seen", "gte", {"days_ago": 0, "calendar": True}), "ann"),
    "moment_between": (trait("last_seen", "between", ["2026-02-28", "2026-03-01"]), "ann bob"),
    "trait_list": (trait("computed.brands[]", "starts_with", "nor"), "ann"),
    "trait_list_not_in": (trait("computed.brands[]", "not_in", ["haru", "shu"]), "bob cho dee"),
    "trait_this_month": (trait("visits", "eq", {"this": "month"}), "ann"),
    "trait_this_month_in": (trait("visits", "in", [{"this": "month"}, 12.5]), "ann bob"),
    "date_birthday": (trait("joined", "birthday_within", {"days": 121}), "bob"),
    "date_birthday_later": (trait("joined", "birthday_within", {"days": 120}), ""),
    "event_property_birthday": (viewed("due", "birthday_within", {"days": 363}), "cho"),
    "event_property_leap_day": (viewed("born", "birthday_within", {"days": 364}), "cho"),
    "event_property_leap_day_later": (viewed("born", "birthday_within", {"days": 363}), ""),
    "event": (ORDERS, "ann bob"),
    "event_where": (orders(where=[{"property": "category", "op": "eq", "value": "shoes"}]), "ann"),
    "event_where_percent": (orders(where=[{"property": "category", "op": "contains", "value": "h%e"}]), "bob"),
    "event_where_number": (orders(where=[{"property": "items", "op": "between", "value": [0.25, 1]}]), "ann bob"),
    "event_where_missing": (orders(where=[{"property": "category", "op": "not_exists"}]), "bob"),
    "event_where_currency": (orders(where=[{"property": "currency", "op": "eq", "value": "USD"}]), "bob"),
    "event_where_revenue": (orders(where=[revenue("gte", 30_000)]), "ann"),
    "event_nested": (viewed("address.city", "eq", "Seoul"), "cho"),
    "event_no_arrays": (viewed("tags.0", "exists"), ""),
    "event_out_of_range": (viewed("score", "gt", 0), ""),
    "event_property_days_ago": (viewed("due", "gte", {"days_ago": 2}), "cho"),
    "event_count": (orders(count={"op": "gte", "value": 3}), "ann bob"),
    "event_count_zero": (orders(count={"op": "eq", "value": 0}), "cho dee"),
    "event_count_lte": (orders(count={"op": "lte", "value": 2}, within={"days": 40}), "ann cho dee"),
    "event_count_between": (orders(count={"op": "between", "value": [2, 2]}, within={"days": 30}), "ann"),
    "event_within": (
        orders(within={"days": 30}, where=[{"property": "category", "op": "starts_with", "value": "s"}]),
        "ann bob",
    ),
    "event_within_hours": ({"event": "Viewed", "within": {"hours": 33}, "count": {"op": "eq", "value": 2}}, "cho"),
    "event_within_calendar": (
        {"event": "Viewed", "within": {"days": 1, "calendar": True}, "count": {"op": "eq", "value": 2}},
        "cho",
    ),
    "event_within_months": (orders(within={"months": 1, "days": 2}, count={"op": "gte", "value": 3}), "bob"),
    "event_within_weeks": (
        {"event": "Viewed", "within": {"weeks": 1, "calendar": True}, "count": {"op": "eq", "value": 2}},
        "cho",
    ),
    "event_this_month": ({"event": "Viewed", "within": {"this": "month"}}, "cho"),
    "event_previous_month": (
        {"event": "Viewed", "within": {"previous": "month"}, "count": {"op": "eq", "value": 1}},
        "cho",
    ),
    "event_between": (orders(between={"from": "2026-02-20", "to": "2026-02-24"}), "ann bob"),
    "event_between_edges": (
        orders(between={"from": "2026-01-30T00:00:00Z", "to": "2026-01-30T09:00:00+09:00"}),
        "bob",
    ),
    "event_until": (orders(between={"to": {"days_ago": 30}}), "ann bob"),
    "event_since": (orders(between={"from": {"days_ago": 9, "calendar": True}}), "ann bob"),
    "event_sum": (orders(sum={"property": "items", "op": "eq", "value": 3}), "ann"),
    "event_sum_zero": (orders(sum={"property": "items", "op": "lt", "value": 1}), "bob cho dee"),
    "event_avg": (orders(avg={"property": "items", "op": "gte", "value": 1.5}), "ann"),
    "event_min": (orders(min={"property": "items", "op": "lt", "value": 1}), "bob"),
    "event_max": (orders(max={"property": "items", "op": "ne", "value": 0.25}), "ann"),
    "event_revenue_last_update": (orders(sum=revenue("eq", 30_000)), "ann"),
    "event_revenue_without_order": (orders(sum=revenue("eq", 10_000)), "bob"),
    "event_revenue_major_units": (orders(sum=revenue("eq", 12.50), currency="USD"), "bob"),
    "event_revenue_avg": (orders(avg=revenue("eq", 15_000)), "ann"),
    "event_revenue_where": (orders(sum=revenue("gt", 0), where=[{"property": "items", "op": "exists"}]), "ann bob"),
    "event_distinct": (orders(distinct={"property": "category", "op": "gte", "value": 2}), "ann"),
    "event_distinct_zero": (orders(distinct={"property": "items", "op": "eq", "value": 0}), "cho dee"),
    "event_distinct_types": (orders(distinct={"property": "colour", "op": "eq", "value": 3}), "ann"),
    "event_distinct_revenue": (orders(distinct=revenue("eq", 1), currency="USD"), "bob"),
    "event_most_frequent": (orders(most_frequent={"property": "category", "op": "eq", "value": "shoes"}), "ann"),
    "event_most_frequent_tie": (orders(most_frequent={"property": "items", "op": "eq", "value": 1}), "ann"),
    "event_most_frequent_ne": (orders(most_frequent={"property": "category", "op": "ne", "value": "shoes"}), "bob"),
    "event_most_frequent_revenue": (orders(most_frequent=revenue("lt", 20_000)), "ann bob"),
    "event_first": (orders(first={"where": [{"property": "category", "op": "eq", "value": "Hats"}]}), "ann"),
    "event_first_within": (orders(first={"within": {"days": 30}}), "bob"),
    "event_last": (orders(last={"where": [revenue("gte", 20_000)]}), "ann"),
    "event_last_in_dollars": (
        orders(currency="USD", last={"where": [revenue("eq", 12.5)], "within": {"days": 5}}),
        "bob",
    ),
    "event_nth": (orders(nth={"n": 2, "between": {"to": "2026-01-30"}}), "bob"),
    "event_nth_missing": (orders(nth={"n": 4, "where": [{"property": "items", "op": "not_exists"}]}), ""),
    "event_frequency": ({**OF_A_KIND, "frequency": {"unit": "month", "last": 2}}, "ann"),
    "event_frequency_some": (orders(frequency={"times": 2, "unit": "month", "last": 3, "in": 1}), "ann bob"),
    "event_frequency_weeks": (
        {"event": "Line Sold", "frequency": {"times": 2, "unit": "week", "last": 2, "in": 1}},
        "cho",
    ),
    "event_at": (orders(at={"weekdays": ["thu"], "from": "09:00"}, where=[CATEGORY_IS_SHOES]), "ann"),
    "event_at_night": ({"event": "Viewed", "at": {"from": "22:00", "to": "08:59"}, "count": TWO}, ""),
    "event_at_before": ({"event": "Viewed", "at": {"from": "22:00", "to": "09:00"}, "count": TWO}, "cho"),
    "event_at_weekend": (orders(at={"weekdays": ["sat", "sun"]}), ""),
    "event_first_at": (orders(first={"at": {"weekdays": ["fri"]}}), "bob"),
    "sequence_at": ({"sequence": [HATS, orders(at={"weekdays": ["fri"]})]}, "ann"),
    "event_elements": (line("products[].category", "eq", "b"), "ann"),
    "event_elements_ne": (line("products[].category", "ne", "b"), "bob"),
    "event_elements_exists": (line("products[].category", "exists"), "ann"),
    "event_elements_not_exists": (line("products[].category", "not_exists"), "bob"),
    "event_elements_nested": (line("products[].sizes[]", "gte", 40), "ann"),
    "event_elements_of_texts": (property_is("Viewed", "tags[]", "starts_with", "a"), "cho"),
    "event_elements_sum": ({"event": "Basket", "sum": {"property": "products[].price", "op": "eq", "value": 7}}, "ann"),
    "event_elements_sum_zero": (
        {"event": "Basket", "sum": {"property": "products[].price", "op": "eq", "value": 0}},
        "bob cho dee",
    ),
    "event_elements_avg": (
        {"event": "Basket", "avg": {"property": "products[].price", "op": "eq", "value": 3.5}},
        "ann",
    ),
    "event_elements_distinct": (
        {"event": "Basket", "distinct": {"property": "products[].category", "op": "eq", "value": 2}},
        "ann",
    ),
    "event_elements_most_frequent": (
        {"event": "Basket", "most_frequent": {"property": "products[].category", "op": "eq", "value": "b"}},
        "ann",
    ),
    "sequence_elements": ({"sequence": [line("products[].category", "eq", "a"), ORDERS]}, "ann"),
    "sequence": ({"sequence": [HATS, SHOES]}, "ann"),
    "sequence_same": ({"sequence": [ORDERS, ORDERS, ORDERS]}, "ann bob"),
    "sequence_within": ({"sequence": [ORDERS, ORDERS], "within": {"days": 1}}, "ann bob"),
    "sequence_within_edge": ({"sequence": [HATS, SHOES], "within": {"days": 35}}, "ann"),
    "sequence_without": ({"sequence": [{"event": "Line Sold"}] * 2, "without": {"event": "Viewed"}}, "cho"),
    "sequence_without_step": ({"sequence": [HATS, SHOES, SHOES], "without": SHOES}, "ann"),
    "sequence_in_last": ({"sequence": [ORDERS, ORDERS], "in_last": {"days": 30}}, "ann bob"),
    "sequence_in_last_calendar": (
        {"sequence": [ORDERS, ORDERS], "in_last": {"days": 29, "calendar": True}},
        "ann",
    ),
    "sequence_between": ({"sequence": [HATS, SHOES], "between": {"from": "2026-01-01", "to": "2026-02-19"}}, "ann"),
    "sequence_between_then_not": (
        {"sequence": [HATS, SHOES], "then_not": SHOES, "between": {"from": "2026-01-01", "to": "2026-02-19"}},
        "",
    ),
    "sequence_then_not": ({"sequence": [OF_A_KIND], "then_not": IN_DOLLARS}, "ann"),
    "sequence_then_not_for": ({"sequence": [OF_A_KIND], "then_not": IN_DOLLARS, "for": {"days": 24}}, "ann bob"),
    "sequence_revenue": (
        {"sequence": [orders(where=[revenue("gte", 10_000)]), orders(where=[revenue("lt", 30_000)], currency="KRW")]},
        "ann",
    ),
    "sequence_everything": (
        {
            "sequence": [HATS, SHOES, SHOES],
            "within": {"weeks": 5},
            "without": IN_DOLLARS,
            "then_not": {"event": "Viewed"},
            "for": {"hours": 1},
            "in_last": {"days": 45},
        },
        "ann",
    ),
    "not_sequence": ({"not": {"sequence": [{"event": "Viewed"}], "then_not": ORDERS}}, "ann bob dee"),
    "segment": ({"segment": "vip"}, "bob dee"),
    "list": ({"list": "invited"}, "ann"),
    "not_list": ({"not": {"any": [{"list": "invited"}, {"list": "complained"}]}}, "bob dee"),
    "segment_ever": ({"segment": "vip", "ever": True}, "ann bob dee"),
    "not_segment_ever": ({"not": {"segment": "lapsed", "ever": True}}, "ann bob dee"),
    "consent": ({"consent": {"purpose": "marketing", "channel": "email"}}, "ann"),
    "consent_brand": ({"consent": {"purpose": "marketing", "channel": "email", "brand": "north"}}, "cho"),
    "all": ({"all": [ORDERS, trait("country", "eq", "KR")]}, "ann"),
    "any": (
        {"any": [{"segment": "lapsed"}, trait("country", "eq", "KR"), orders(count={"op": "eq", "value": 0})]},
        "ann cho dee",
    ),
    "not": ({"not": {"any": [{"segment": "vip"}, {"not": trait("visits", "lt", 5)}]}}, "ann"),
    "same_clause_twice": (
        {"any": [{"all": [ORDERS, {"segment": "vip"}]}, {"all": [ORDERS, trait("vip", "eq", True)]}]},
        "ann bob",
    ),
}
