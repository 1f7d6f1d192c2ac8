"""What a computed trait is, said a second time over plain values; like the oracle of rules it knows nothing of ours."""

from decimal import Decimal
from typing import Any

from tests.segments.query.oracle import MINOR, Oracle, in_order, latest_of_orders
from tests.segments.query.oracle_values import EXACT, READ, countable, most_frequent
from tests.segments.query.world import Event

SIXTH = Decimal("0.000001")


def value_of(oracle: Oracle, kind: str, clause: dict[str, Any], name: str, value_type: str, profile: str) -> Any:
    """The value of one profile, None for none; of RFM the last time, the number and the sum of orders."""
    events = [event for event in oracle.world.events if oracle.world.records.get(event.record) == profile]
    events = [event for event in events if event.name == clause["event"] and oracle.in_window(event, clause)]
    if kind == "count":
        return len(oracle.kept(events, clause))
    if kind == "rfm":
        bought = amounts(oracle, events, clause, once=True)
        whole = max(event.occurred_at for event, _ in bought) if bought else None
        return (whole, len(bought), sum(amount for _, amount in bought)) if bought else None
    if name == "revenue":
        found = amounts(oracle, events, clause, once=kind not in ("first", "last"))
    else:
        read = countable if kind == "distinct" else READ[value_type]
        pairs = [(event, value) for event in oracle.kept(events, clause) for value in oracle.values(event, name)]
        found = [(event, read(value)) for event, value in pairs if read(value) is not None]
    return folded(kind, found)


def amounts(
    oracle: Oracle, events: list[Event], clause: dict[str, Any], *, once: bool
) -> list[tuple[Event, Decimal]]:  # fmt: skip
    """Money in major units; `once` for each order by its last statement."""
    currency = clause.get("currency", oracle.currency)
    stated = [event for event in events if event.revenue is not None]
    chosen = latest_of_orders(stated) if once and clause["event"] == "Order Completed" else stated
    of_currency = [event for event in chosen if event.currency == currency]
    kept = oracle.kept(of_currency, clause)
    return [(event, Decimal(event.revenue or 0) / 10 ** MINOR[currency]) for event in kept]


def folded(kind: str, found: list[tuple[Event, Any]]) -> Any:
    values = [value for _, value in found]
    different = {(type(value), value) for value in values}
    if kind in ("sum", "distinct"):
        return sum(values) if kind == "sum" else len(different)
    if not values:
        return None
    match kind:
        case "avg":
            return EXACT.quantize(EXACT.divide(sum(values), len(values)), SIXTH)
        case "min" | "max":
            return min(values) if kind == "min" else max(values)
        case "most_frequent":
            return most_frequent(values)
        case "first" | "last":
            ends = min if kind == "first" else max
            return ends(found, key=lambda pair: (*in_order(pair[0]), pair[1]))[1]
    return sorted(value for _, value in different)
