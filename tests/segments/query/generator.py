"""Any rule and any history, with boundary instants, nulls and ties: what the engines and the oracle are compared on."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from segments.query.catalog import Catalog, TraitSpec
from segments.query.parse import parse
from segments.query.problems import RuleError
from tests.segments.query.oracle import stamp
from tests.segments.query.world import Event, World, uuid_of

AS_OF = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")  # the clock changed two days before
TICK = timedelta(microseconds=1)
KINDS = {"place": "string", "visits": "number", "vip": "boolean", "joined": "date", "seen": "moment"}
CATALOG = Catalog(
    {name: TraitSpec(kind) for name, kind in KINDS.items()},
    segments={"one": uuid_of("one"), "two": uuid_of("two")},
    lists={"guests": uuid_of("guests")},
    purposes={"marketing"},
    channels={"email", "sms"},
    currency="KRW",
)
PROFILES = ("ann", "bob", "cho", "dee")
NAMES = ("Order", "View")

STRINGS = [
    "",
    "a",
    "A",
    "b",
    "a%b",
    "a_b",
    "axb",
    "é",
    "가",
    "\U0001f600",
    "�",
    "12",
    "true",
    "a\n",
    "2026-03-01",
    "'",
    "\\",
]
NUMBERS: list[Any] = [0, 1, -1, 2, 3, 12, 0.5, -0.000001, 0.1234565, 0.123457, 1e-7, 100000.25]
UNCOUNTABLE: list[Any] = [10**32, -(10**40), 1e60]
DAYS = ["2026-03-09", "2026-03-10", "2026-03-03", "2026-02-28", "2026-03-08", "2024-02-29", "1988-03-11"]
MIDNIGHTS = [datetime(2026, 3, day, tzinfo=ZONE).astimezone(UTC) for day in (3, 8, 9, 10)]
# Where a day, week, month, quarter or year began, and the same time of day a month ago and a year ago.
BEGUN = [
    datetime(*day, tzinfo=ZONE).astimezone(UTC) for day in ((2026, 3, 2), (2026, 3, 1), (2026, 2, 1), (2026, 1, 1))
]
AGO = [datetime(2026, 2, 10, 10, 30, tzinfo=UTC), datetime(2025, 3, 10, 9, 30, tzinfo=UTC)]
ROLLING = [AS_OF - timedelta(days=7), AS_OF - timedelta(days=2), AS_OF - timedelta(hours=1)]
EDGES = [AS_OF, *ROLLING, *MIDNIGHTS, *BEGUN, *AGO]
INSTANTS = [*EDGES, *(edge - TICK for edge in EDGES), *(edge + TICK for edge in EDGES), AS_OF + timedelta(days=900)]

text = st.sampled_from(STRINGS)
needle = st.sampled_from(STRINGS[1:])
figure = st.sampled_from([value for value in NUMBERS if value not in (0.1234565, 1e-7)])
instant = st.sampled_from(INSTANTS)
anything = st.one_of(
    st.none(),
    text,
    st.sampled_from(NUMBERS + UNCOUNTABLE),
    st.booleans(),
    st.sampled_from(DAYS),
    instant.map(stamp),
    st.sampled_from([["a"], {"in": "a"}, {"0": 1}, ["x", "y"], {"in": None}]),
)


def several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=3)


def ordered(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.tuples(values, values).map(sorted)


def asked_of(values: st.SearchStrategy[Any], ops: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """A test with one value, a list or a pair, as its operator needs."""
    shapes = {"in": several(values), "not_in": several(values), "between": ordered(values)}
    return st.sampled_from(ops).flatmap(
        lambda op: st.fixed_dictionaries({"op": st.just(op), "value": shapes.get(op, values)})
    )


EQUAL, LISTS, ORDER = ("eq", "ne"), ("in", "not_in"), ("gt", "gte", "lt", "lte", "between")
presence = st.sampled_from([{"op": "exists"}, {"op": "not_exists"}])
searches = st.fixed_dictionaries({"op": st.sampled_from(["contains", "starts_with"]), "value": needle})
days_ago = st.fixed_dictionaries({"days_ago": st.sampled_from([0, 1, 2, 7])}, optional={"calendar": st.booleans()})
days_pair = st.fixed_dictionaries(
    {"op": st.just("between"), "value": st.tuples(st.just({"days_ago": 7}), days_ago | st.sampled_from(DAYS)).map(list)}
)
this_month = st.just({"this": "month"})
birthdays = st.sampled_from([0, 1, 354, 355, 364]).map(lambda days: {"op": "birthday_within", "value": {"days": days}})
TESTS = {
    "string": asked_of(text, EQUAL + LISTS + ORDER) | searches,
    "number": asked_of(figure, EQUAL + LISTS + ORDER) | asked_of(this_month | st.just(3), EQUAL + LISTS + ORDER[:4]),
    "boolean": asked_of(st.booleans(), EQUAL + LISTS),
    "date": asked_of(st.sampled_from(DAYS), EQUAL + LISTS + ORDER)
    | asked_of(days_ago, (*EQUAL, "gt", "lte"))
    | days_pair
    | birthdays,
    "moment": asked_of(st.sampled_from(DAYS) | instant.map(stamp), EQUAL + ORDER)
    | asked_of(days_ago, (*EQUAL, "gt", "gte", "lt", "lte"))
    | days_pair,
}
UNITS = ("day", "week", "month", "quarter", "year")
PROPERTIES = ("size", "deep.in", "deep.0", "missing", "lines[]", "lines[].in", "lines[].in[]")

traits = st.sampled_from(sorted(KINDS)).flatmap(
    lambda name: (TESTS[KINDS[name]] | presence).map(lambda test: {"trait": name, **test})
)
open_tests = st.one_of(
    TESTS["string"],
    TESTS["number"],
    TESTS["boolean"],
    asked_of(days_ago, ("eq", "lt", "gte")),
    days_pair,
    birthdays,
    presence,
)
conditions = st.one_of(
    st.builds(lambda name, test: {"property": name, **test}, st.sampled_from(PROPERTIES), open_tests),
    st.builds(
        lambda test: {"property": "revenue", **test}, asked_of(st.sampled_from([0, 1, 10, 12.5]), EQUAL + LISTS + ORDER)
    ),
    st.builds(lambda test: {"property": "currency", **test}, asked_of(st.sampled_from(["KRW", "USD"]), EQUAL + LISTS)),
    st.builds(lambda test: {"property": "order_id", **test}, presence | searches),
)
totals = st.builds(
    lambda kind, name, test: {kind: {"property": name, **test}},
    st.sampled_from(["sum", "avg", "min", "max"]),
    st.sampled_from(["size", "deep.in", "lines[]", "lines[].in", "revenue", "revenue"]),
    asked_of(st.sampled_from([0, 1, -1, 2.5, 10, 12.5, 0.123457]), EQUAL + ORDER),
)
counts = asked_of(st.integers(0, 3), EQUAL + ORDER).map(lambda test: {"count": test})
distincts = st.builds(
    lambda name, test: {"distinct": {"property": name, **test}},
    st.sampled_from(["size", "deep.in", "lines[].in", "lines[]", "revenue", "currency"]),
    asked_of(st.integers(0, 3), EQUAL + ORDER),
)
FREQUENT = TESTS["string"] | TESTS["number"] | TESTS["boolean"] | asked_of(days_ago, ("eq", "lt", "gte"))
frequents = st.one_of(
    st.builds(
        lambda name, test: {"most_frequent": {"property": name, **test}},
        st.sampled_from(["size", "deep.in", "lines[]", "lines[].in"]),
        FREQUENT,
    ),
    st.builds(
        lambda test: {"most_frequent": {"property": "revenue", **test}},
        asked_of(st.sampled_from([0, 1, 10, 12.5]), EQUAL + LISTS + ORDER),
    ),
    st.builds(
        lambda test: {"most_frequent": {"property": "currency", **test}},
        asked_of(st.sampled_from(["KRW", "USD"]), EQUAL + LISTS + ORDER),
    ),
)
windows = st.sampled_from(
    [
        {"days": 7},
        {"days": 2, "calendar": True},
        {"days": 7, "calendar": True},
        {"hours": 1},
        {"minutes": 60},
        {"weeks": 1},
        {"seconds": 3600},
        {"days": 1, "hours": 24},
        {"months": 1},
        {"years": 1},
        {"quarters": 1, "seconds": 1},
        *({f"{unit}s": count, "calendar": True} for unit in UNITS for count in (1, 2)),
        *({key: unit} for key in ("this", "previous") for unit in UNITS),
    ]
)


def is_rule(rule: dict[str, Any]) -> bool:
    try:
        parse(rule)
    except RuleError:
        return False
    return True


edges = st.sampled_from(DAYS) | instant.map(stamp) | days_ago
betweens = st.fixed_dictionaries({}, optional={"from": edges, "to": edges}).filter(
    lambda between: is_rule({"event": "a", "between": between})
)


def period(key: str) -> st.SearchStrategy[dict[str, Any]]:
    """No period, one up to now or one between two moments."""
    return st.just({}) | windows.map(lambda window: {key: window}) | betweens.map(lambda window: {"between": window})


def pick_of(which: str, number: int, where: list[Any], when: dict[str, Any]) -> dict[str, Any]:
    return {which: ({"n": number} if which == "nth" else {}) | when | {"where": where}}


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = ("00:00", "04:30", "05:29", "05:30", "05:31", "22:00", "24:00")
hours = st.fixed_dictionaries(
    {},
    optional={
        "weekdays": st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=3),
        "from": st.sampled_from(CLOCK),
        "to": st.sampled_from(CLOCK),
    },
).filter(lambda at: is_rule({"event": "a", "at": at}))
at_some_time = st.just({}) | hours.map(lambda at: {"at": at})
frequencies = st.builds(
    lambda unit, last, rest: {"frequency": {"unit": unit, "last": last, **rest}},
    st.sampled_from(UNITS),
    st.integers(2, 4),
    st.fixed_dictionaries({}, optional={"times": st.integers(1, 2), "in": st.integers(1, 2)}),
)
picks = st.builds(
    pick_of,
    st.sampled_from(["first", "last", "nth"]),
    st.integers(1, 3),
    st.lists(conditions, min_size=1, max_size=2),
    st.builds(dict.__or__, period("within"), at_some_time),
)
measures = st.just({}) | counts | totals | distincts | frequents | picks | frequencies
around = st.builds(
    dict.__or__,
    period("within"),
    st.fixed_dictionaries(
        {}, optional={"where": st.lists(conditions, max_size=2), "currency": st.sampled_from(["KRW", "USD", "KWD"])}
    ),
)


def event_of(name: str, measure: dict[str, Any], rest: dict[str, Any], at: dict[str, Any]) -> dict[str, Any]:
    """An event clause; a frequency says itself which time counts."""
    own = ("within", "between") if "frequency" in measure else ()
    return {"event": name, **measure, **{key: value for key, value in rest.items() if key not in own}, **at}


events = st.builds(event_of, st.sampled_from(NAMES), measures, around, at_some_time)
steps = st.fixed_dictionaries(
    {"event": st.sampled_from(NAMES)},
    optional={
        "where": st.lists(conditions, max_size=1),
        "currency": st.sampled_from(["KRW", "USD"]),
        "at": hours,
    },
) | st.sampled_from(NAMES).map(lambda name: {"event": name})
distances = st.sampled_from([{"hours": 1}, {"days": 1}, {"days": 2}, {"days": 7}, {"seconds": 3599}])
chains = st.builds(
    lambda listed, rest, end, when: {"sequence": listed, **rest, **end, **when},
    st.lists(steps, min_size=2, max_size=4),
    st.fixed_dictionaries({}, optional={"within": distances, "without": steps}),
    st.just({}) | st.fixed_dictionaries({"then_not": steps}, optional={"for": distances}),
    period("in_last"),
)
lone_steps = st.builds(
    dict.__or__,
    st.fixed_dictionaries({"sequence": steps.map(lambda step: [step]), "then_not": steps}, optional={"for": distances}),
    period("in_last"),
)
consents = st.fixed_dictionaries(
    {"purpose": st.just("marketing"), "channel": st.sampled_from(["email", "sms"])}, optional={"brand": st.just("x")}
).map(lambda asked: {"consent": asked})
others = st.fixed_dictionaries(
    {"segment": st.sampled_from(["one", "two"])}, optional={"ever": st.booleans()}
) | st.just({"list": "guests"})
figures = asked_of(figure, EQUAL + LISTS + ORDER) | asked_of(this_month, (*EQUAL, "gt", "lte"))
# One of each in every example, so that chance passes no operator over.
each = st.tuples(
    figures.map(lambda test: {"trait": "visits", **test}),
    (searches | presence).map(lambda test: {"trait": "place", **test}),
    st.builds(event_of, st.sampled_from(NAMES), totals, around, at_some_time),
    st.builds(event_of, st.sampled_from(NAMES), distincts | frequents | picks | frequencies, around, at_some_time),
    chains | lone_steps,
).map(list)
leaves = traits | events | events | chains | lone_steps | consents | others
rules = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3).map(lambda listed: {"all": listed}),
        st.lists(parts, min_size=1, max_size=3).map(lambda listed: {"any": listed}),
        parts.map(lambda part: {"not": part}),
    ),
    max_leaves=4,
)

values_of = {
    "place": text,
    "visits": st.sampled_from(NUMBERS),
    "vip": st.booleans(),
    "joined": st.sampled_from(DAYS),
    "seen": instant.map(stamp),
}
golden = st.none() | st.fixed_dictionaries({}, optional={name: value | anything for name, value in values_of.items()})


def happenings_at(moments: list[datetime]) -> st.SearchStrategy[list[Event]]:
    """Events at a few moments only, so that times tie."""
    return st.lists(
        st.builds(
            Event,
            record=st.sampled_from([f"r{index}" for index in range(6)]),
            name=st.sampled_from(NAMES),
            occurred_at=st.sampled_from(moments),
            message_id=st.just(""),
            properties=st.fixed_dictionaries(
                {},
                optional={
                    "size": anything,
                    "lines": st.lists(anything | st.fixed_dictionaries({"in": anything}), max_size=3) | anything,
                    "deep": st.fixed_dictionaries({}, optional={"in": anything, "0": anything}) | anything,
                },
            ),
            brand=st.sampled_from(["", "x"]),
            order_id=st.sampled_from([None, "o1", "o1", "o2"]),
            currency=st.sampled_from(["KRW", "KRW", "USD", "KWD", None]),
            revenue=st.sampled_from([None, 0, 1, 10, 12, 1250, 12500, -10, 2**62]),
        ),
        max_size=10,
    )


histories = st.lists(instant, min_size=1, max_size=5).flatmap(happenings_at)
belongings = st.tuples(st.sampled_from(["one", "two"]), st.sampled_from(PROFILES))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Message ids are unique within a record and repeat across records, so that times and ids tie."""
    happened = draw(histories)
    numbered = [
        Event(**{**vars(event), "message_id": f"m{index % 4}{index // 4}"}) for index, event in enumerate(happened)
    ]
    return World(
        profiles={**dict.fromkeys(PROFILES, "live"), "old": "redirected"},
        traits={name: draw(golden) for name in (*PROFILES, "old")},
        records={f"r{index}": draw(st.sampled_from([*PROFILES, "old", None])) for index in range(6)},
        events=numbered,
        consents=list(
            {
                (n, "marketing", c, b): (n, "marketing", c, b, s)
                for n, c, b, s in draw(
                    st.lists(
                        st.tuples(
                            st.sampled_from(PROFILES),
                            st.sampled_from(["email", "sms"]),
                            st.sampled_from(["", "x"]),
                            st.sampled_from(["granted", "withdrawn"]),
                        )
                    )
                )
            }.values()
        ),
        members=draw(st.lists(belongings, unique=True)),
        once=draw(st.lists(belongings, unique=True)),
        listed=draw(st.lists(st.tuples(st.just("guests"), st.sampled_from(PROFILES)))),
    )
