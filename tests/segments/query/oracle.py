"""What a rule means, said a second time: decoded JSON evaluated over plain values.

It imports nothing of the rule language and knows no SQL; where it and an engine differ, one of them is wrong.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.segments.query.oracle_values import (
    MISSING,
    READ,
    compare,
    countable,
    kind_of,
    measured,
    most_frequent,
    reach,
)
from tests.segments.query.world import Event, World, uuid_of

MINOR = {"KRW": 0, "JPY": 0, "USD": 2, "KWD": 3}
UNITS = {"weeks": 7 * 86400, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
OPPOSITE = {"ne": "eq", "not_in": "in", "not_exists": "exists"}
MEASURES = ("count", "sum", "avg", "min", "max", "distinct", "most_frequent")


@dataclass(frozen=True)
class Oracle:
    """A world seen at one moment; `kinds` are the types of traits, `currency` the one assumed for revenue."""

    world: World
    as_of: datetime
    zone: ZoneInfo
    kinds: dict[str, str]
    currency: str = "KRW"

    def members(self, rule: dict[str, Any]) -> list[Any]:
        """The ids of the live profiles that fit, sorted."""
        live = [name for name, state in self.world.profiles.items() if state == "live"]
        return sorted(uuid_of(name) for name in live if self.fits(rule, name))

    def fits(self, rule: dict[str, Any], profile: str) -> bool:
        if "all" in rule:
            return all(self.fits(part, profile) for part in rule["all"])
        if "any" in rule:
            return any(self.fits(part, profile) for part in rule["any"])
        if "not" in rule:
            return not self.fits(rule["not"], profile)
        if "trait" in rule:
            value = (self.world.traits.get(profile) or {}).get(rule["trait"])
            return self.holds(value, rule, self.kinds[rule["trait"]])
        if "sequence" in rule:
            return self.sequence_fits(rule, profile)
        if "segment" in rule:
            was = self.world.once if rule.get("ever") else []
            return (rule["segment"], profile) in [*self.world.members, *was]
        if "list" in rule:
            return (rule["list"], profile) in self.world.listed
        if "consent" in rule:
            asked = rule["consent"]
            wanted = (profile, asked["purpose"], asked["channel"], asked.get("brand", ""), "granted")
            return wanted in self.world.consents
        return self.event_fits(rule, profile)

    def sequence_fits(self, rule: dict[str, Any], profile: str) -> bool:
        """Every choice of events is tried."""
        history = sorted(
            (event for event in self.world.events if self.world.records.get(event.record) == profile), key=in_order
        )
        past = [event for event in history if event.occurred_at < self.as_of]
        firsts = [event for event in past if self.in_window(event, rule, "in_last")]
        return any(self.goes_on(rule, [first], past) for first in firsts if self.is_one(first, rule["sequence"][0]))

    def goes_on(self, rule: dict[str, Any], chosen: list[Event], past: list[Event]) -> bool:
        """Whether the events chosen so far can be completed."""
        if len(chosen) == len(rule["sequence"]):
            return self.nothing_follows(rule, chosen[-1], past)
        here = past.index(chosen[-1])
        for index in range(here + 1, len(past)):
            between, event = past[here + 1 : index], past[index]
            near = "within" not in rule or event.occurred_at - chosen[-1].occurred_at <= length(rule["within"])
            clean = "without" not in rule or not any(self.is_one(other, rule["without"]) for other in between)
            fits = self.in_window(event, rule, "in_last") and self.is_one(event, rule["sequence"][len(chosen)])
            next_one = near and clean and fits
            if next_one and self.goes_on(rule, [*chosen, event], past):
                return True
        return False

    def nothing_follows(self, rule: dict[str, Any], last: Event, past: list[Event]) -> bool:
        if "then_not" not in rule:
            return True
        after = [event for event in past[past.index(last) + 1 :] if self.is_one(event, rule["then_not"])]
        if "for" not in rule:
            return not after
        end = last.occurred_at + length(rule["for"])
        return end < self.as_of and not any(event.occurred_at <= end for event in after)

    def is_one(self, event: Event, described: dict[str, Any]) -> bool:
        return event.name == described["event"] and self.kept([event], described) == [event]

    def event_fits(self, rule: dict[str, Any], profile: str) -> bool:
        events = [event for event in self.world.events if self.world.records.get(event.record) == profile]
        events = [event for event in events if event.name == rule["event"] and self.in_window(event, rule)]
        if "frequency" in rule:
            return self.frequent(self.kept(events, rule), **rule["frequency"])
        for which, number in (("first", 1), ("last", -1), ("nth", None)):
            if which in rule:
                return self.picked(
                    sorted(self.kept(events, rule), key=in_order), number or rule["nth"]["n"], rule, which
                )
        measures = [kind for kind in MEASURES if kind in rule]
        kind = measures[0] if measures else "count"
        asked = rule.get(kind, {"op": "gte", "value": 1})
        if asked.get("property") == "revenue":
            currency = rule.get("currency", self.currency)
            stated = [event for event in events if event.revenue is not None]
            once = (
                latest_of_orders(stated)
                if rule["event"] in ("Order Completed", "Order Updated", "Order Cancelled")
                else stated
            )
            events = [event for event in once if event.currency == currency]
            values = [Decimal(event.revenue) / 10 ** MINOR[currency] for event in self.kept(events, rule)]
        elif kind == "count":
            return compare(Decimal(len(self.kept(events, rule))), asked)
        else:
            read = [value for event in self.kept(events, rule) for value in self.values(event, asked["property"])]
            if kind == "distinct":
                values = list({(type(one), one) for value in read for one in [countable(value)] if one is not None})
                return compare(Decimal(len(values)), asked)
            typed = [READ["number" if kind != "most_frequent" else kind_of(asked)](value) for value in read]
            values = [value for value in typed if value is not None]
        if kind == "distinct":
            return compare(Decimal(len(set(values))), asked)
        if kind == "most_frequent":
            return bool(values) and self.holds(most_frequent(values), asked, kind_of(asked))
        return measured(kind, values, asked)

    def frequent(self, events: list[Event], unit: str, last: int, times: int = 1, **at_least: int) -> bool:
        """Unit by unit, from the one before the present one backwards."""
        days = [begun(event.occurred_at.astimezone(self.zone).date(), unit) for event in events]
        start, enough = self.as_of.astimezone(self.zone).date(), 0
        for _ in range(last):
            start = begun(begun(start, unit) - timedelta(days=1), unit)
            enough += days.count(start) >= times
        return enough >= at_least.get("in", last)

    def at_hours(self, event: Event, at: dict[str, Any]) -> bool:
        local = event.occurred_at.astimezone(self.zone)
        if (
            "weekdays" in at
            and ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][local.weekday()] not in at["weekdays"]
        ):
            return False
        start, end, now = at.get("from", "00:00"), at.get("to", "24:00"), local.strftime("%H:%M")
        return start <= now < end if start < end else now >= start or now < end

    def picked(self, events: list[Event], number: int, rule: dict[str, Any], which: str) -> bool:
        """Whether there is such an event and it is as asked."""
        if len(events) < abs(number):
            return False
        event, asked = events[number - 1 if number > 0 else number], rule[which]
        currency = rule.get("currency", self.currency)
        tests = asked.get("where", [])
        if "at" in asked and not self.at_hours(event, asked["at"]):
            return False
        return self.in_window(event, asked) and all(self.condition(event, test, currency) for test in tests)

    def values(self, event: Event, name: str) -> list[Any]:
        return [getattr(event, name)] if name in ("currency", "order_id") else reach(event.properties, name)

    def in_window(self, event: Event, rule: dict[str, Any], key: str = "within") -> bool:
        if event.occurred_at >= self.as_of:
            return False
        if "between" in rule:
            moment, edges = stamp(event.occurred_at), rule["between"]
            return ("from" not in edges or moment >= self.span(edges["from"])[0]) and (
                "to" not in edges or moment <= self.span(edges["to"])[1]
            )
        return key not in rule or self.in_units(event, rule[key])

    def in_units(self, event: Event, window: dict[str, Any]) -> bool:
        here = self.as_of.astimezone(self.zone)
        day = event.occurred_at.astimezone(self.zone).date()
        if "this" in window:
            return begun(day, window["this"]) == begun(here.date(), window["this"])
        if "previous" in window:
            unit = window["previous"]
            return begun(day, unit) == begun(begun(here.date(), unit) - timedelta(days=1), unit)
        if window.get("calendar"):
            [(unit, count)] = [(unit[:-1], count) for unit, count in window.items() if unit != "calendar"]
            start = begun(here.date(), unit)
            for _ in range(count):
                start = begun(start - timedelta(days=1), unit)
            return day >= start
        months = window.get("months", 0) + 3 * window.get("quarters", 0) + 12 * window.get("years", 0)
        back = here
        for _ in range(months):
            back = back.replace(day=1) - timedelta(days=1)
        start_at = (
            back.replace(day=min(here.day, monthrange(back.year, back.month)[1])).astimezone(UTC)
            if months
            else self.as_of
        )
        return event.occurred_at >= start_at - length(window)

    def midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)

    def kept(self, events: Iterable[Event], rule: dict[str, Any]) -> list[Event]:
        currency = rule.get("currency")
        return [
            event
            for event in events
            if (currency is None or event.currency == currency)
            and ("at" not in rule or self.at_hours(event, rule["at"]))
            and all(self.condition(event, condition, currency or self.currency) for condition in rule.get("where", []))
        ]

    def condition(self, event: Event, condition: dict[str, Any], currency: str) -> bool:
        name = condition["property"]
        kind = kind_of(condition)
        if name == "revenue":
            known = event.revenue is not None and event.currency == currency
            amount = float(Decimal(event.revenue or 0) / 10 ** MINOR[currency]) if known else MISSING
            return self.holds(amount, condition, "number")
        if name in ("currency", "order_id"):
            return self.holds(getattr(event, name), condition, "string")
        if "[]" in name and condition["op"] in OPPOSITE:
            return not self.condition(event, condition | {"op": OPPOSITE[condition["op"]]}, currency)
        return any(self.holds(value, condition, kind) for value in reach(event.properties, name))

    def holds(self, value: Any, test: dict[str, Any], kind: str) -> bool:
        op = test["op"]
        if op in OPPOSITE:
            return not self.holds(value, {**test, "op": OPPOSITE[op]}, kind)
        if op == "exists":
            return value is not MISSING
        typed = READ[kind](value)
        if typed is None:
            return False
        if op == "birthday_within":
            return any(falls_on(typed, self.as_of.astimezone(self.zone).date() + timedelta(days=ahead))
                       for ahead in range(test["value"]["days"] + 1))  # fmt: skip
        test = {**test, "value": self.settled(test["value"])}
        if kind in ("date", "moment"):
            return self.time_holds(typed, test, kind)
        wanted = test["value"]
        if op == "contains":
            return wanted in typed
        if op == "starts_with":
            return typed.startswith(wanted)
        given = [READ[kind](one) for one in wanted] if isinstance(wanted, list) else READ[kind](wanted)
        return compare(typed, {"op": op, "value": given})

    def settled(self, wanted: Any) -> Any:
        """This month as its number."""
        if isinstance(wanted, list):
            return [self.settled(one) for one in wanted]
        return self.as_of.astimezone(self.zone).month if wanted == {"this": "month"} else wanted

    def time_holds(self, typed: str, test: dict[str, Any], kind: str) -> bool:
        wanted = test["value"] if isinstance(test["value"], list) else [test["value"]]
        spans = [self.day(one) if kind == "date" else self.span(one) for one in wanted]
        first, last = spans[0], spans[-1]
        checks: dict[str, Callable[[], bool]] = {
            "eq": lambda: first[0] <= typed <= first[1],
            "in": lambda: any(low <= typed <= high for low, high in spans),
            "gt": lambda: typed > first[1],
            "gte": lambda: typed >= first[0],
            "lt": lambda: typed < first[0],
            "lte": lambda: typed <= first[1],
            "between": lambda: first[0] <= typed <= last[1],
        }
        return checks[test["op"]]()

    def day(self, wanted: Any) -> tuple[str, str]:
        if isinstance(wanted, dict):
            wanted = (self.as_of.astimezone(self.zone).date() - timedelta(days=wanted["days_ago"])).isoformat()
        return wanted, wanted

    def span(self, wanted: Any) -> tuple[str, str]:
        """The first and the last microsecond of what is wanted."""
        if isinstance(wanted, dict) and not wanted.get("calendar"):
            moment = stamp(self.as_of - timedelta(days=wanted["days_ago"]))
            return moment, moment
        if isinstance(wanted, str) and "T" in wanted:
            moment = stamp(datetime.fromisoformat(wanted))
            return moment, moment
        day = date.fromisoformat(self.day(wanted)[0])
        return stamp(self.midnight(day)), stamp(self.midnight(day + timedelta(days=1)) - timedelta(microseconds=1))


def length(window: dict[str, Any]) -> timedelta:
    return timedelta(seconds=sum(window.get(unit, 0) * seconds for unit, seconds in UNITS.items()))


def falls_on(born: str, day: date) -> bool:
    """Whether a birthday is kept on a day: that of 29 February on the 28th where there is no 29th."""
    month, of_month = int(born[5:7]), int(born[8:])
    if (month, of_month) == (2, 29):
        of_month = monthrange(day.year, 2)[1]
    return (day.month, day.day) == (month, of_month)


def begun(day: date, unit: str) -> date:
    """The day on which the unit of the calendar began that a day lies in."""
    while not {
        "day": True, "week": day.isoweekday() == 1, "month": day.day == 1, "quarter": (day.day, day.month % 3) == (1, 1),
        "year": (day.day, day.month) == (1, 1),
    }[unit]:  # fmt: skip
        day -= timedelta(days=1)
    return day


def in_order(event: Event) -> Any:
    return event.occurred_at, event.message_id, uuid_of(event.record)


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def latest_of_orders(events: list[Event]) -> list[Event]:
    """Of each (brand, order id) the last event with revenue; events without order id all stay."""
    stated = sorted(
        (event for event in events if event.revenue is not None),
        key=in_order,
    )
    latest = {(event.brand, event.order_id): event for event in stated if event.order_id is not None}
    return [*latest.values(), *(event for event in stated if event.order_id is None)]
