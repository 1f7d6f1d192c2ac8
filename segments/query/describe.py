"""A rule as a plain sentence, in English or Korean."""

from collections.abc import Mapping

from segments.query.ast import (
    DAY_MINUTES,
    LIST_OPS,
    All,
    Any,
    Between,
    Calendar,
    Consent,
    DaysAgo,
    Event,
    Flag,
    Frequency,
    Hours,
    Listed,
    Measure,
    NextDays,
    Node,
    Not,
    Number,
    Period,
    Pick,
    PropertyTest,
    Segment,
    Sequence,
    Step,
    Test,
    This,
    Trait,
    Value,
    Window,
    pick_key,
)  # fmt: skip
from segments.query.canonical import clock_time
from segments.query.catalog import Catalog
from segments.query.particles import Word
from segments.query.sentences import LANGUAGES, Sentences

LENGTHS = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
MONTHS = {"years": 12, "months": 1}
MOST_LISTED = 5


def describe(node: Node, language: str, catalog: Catalog | None = None) -> str:
    """One sentence for the whole rule, in 'ko' (also 'ko-kr') or else English; traits, events and fields as the catalog calls
    them."""
    telling = _telling(language, catalog)
    return telling.say.rule.format(rule=telling.clause(node))


def describe_clause(node: Node, language: str, catalog: Catalog | None = None) -> str:
    """As `describe`, the words of a clause alone."""
    return _telling(language, catalog).clause(node)


def _telling(language: str, catalog: Catalog | None) -> "_Telling":
    sentences = LANGUAGES["ko" if language.lower().startswith("ko") else "en"]
    return _Telling(sentences, catalog or Catalog({}))


class _Telling:
    def __init__(self, sentences: Sentences, catalog: Catalog) -> None:
        self.say = sentences
        self.catalog = catalog

    def clause(self, node: Node) -> str:
        match node:
            case All(parts):
                return self.say.both.join(self._grouped(part) for part in parts)
            case Any(parts):
                return self.say.either.join(self._grouped(part) for part in parts)
            case Not(part):
                return self.say.negation.format(rule=self.clause(part))
            case Trait(name, test):
                return self._trait(name, test)
            case Event():
                return self._event(node)
            case Sequence():
                return self._sequence(node)
            case Segment(key, ever):
                name = quoted(self.catalog.segment_word(key))
                return (self.say.ever if ever else self.say.segment).format(segment=name)
            case Listed(key):
                return self.say.listed.format(list=quoted(key))
            case Consent():
                return self._consent(node)

    def _grouped(self, node: Node) -> str:
        told = self.clause(node)
        several = (isinstance(node, All | Any) and len(node.parts) > 1) or isinstance(node, Sequence)
        return self.say.group.format(rule=told) if several else told

    def _trait(self, name: str, test: Test) -> str:
        spec = self.catalog.traits.get(name)
        is_time = spec is not None and spec.type in ("date", "moment")
        return self._test(str(spec.label) if spec and spec.label else name, test, is_time)

    def _test(self, name: str, test: Test, is_time: bool = False) -> str:
        is_time = is_time or any(isinstance(value, DaysAgo) for value in test.values)
        template = (self.say.times.get(test.op) if is_time else None) or self.say.tests[test.op]
        return self._filled(template, test, name=Word(name))

    def _filled(self, template: str, test: Test, **words: Word) -> str:
        told = [self._value(value) for value in test.values[:MOST_LISTED]]
        more = ["…"] if len(test.values) > MOST_LISTED else []
        value = self.say.comma.join(told + more) if test.op in LIST_OPS else "".join(told[:1])
        return template.format(value=Word(value), low=Word("".join(told[:1])), high=Word("".join(told[1:2])), **words)

    def _value(self, value: Value) -> str:
        match value:
            case Number(number):
                return f"{number:,f}"
            case Flag(flag):
                return self.say.flags[flag]
            case DaysAgo(days, calendar):
                return self._counted(self.say.calendar_days_ago if calendar else self.say.days_ago, days)
            case NextDays(0):
                return self.say.today
            case NextDays(days):
                return self.say.coming.format(length=self._counted(self.say.units["days"], days))
            case This(unit):
                return self.say.this[unit]
            case _:
                return quoted(value.value)

    def _counted(self, forms: tuple[str, str], count: int) -> str:
        return forms[count != 1].format(n=f"{count:,}")

    def _event(self, node: Event) -> str:
        within = Word(self._period(node.within))
        currency = self.say.currency.format(currency=node.currency) if node.currency else ""
        measure = node.measure
        of_money = isinstance(measure, Measure) and measure.kind != "count"
        what = Word(self._occurrences(node, within, "" if of_money else currency))
        match measure:
            case Measure("count", test):
                return self._filled(self.say.counts[test.op], test, what=what, within=within)
            case Measure(kind, test):
                named = {"what": what, "property": self.catalog.field_word(measure.name)}
                told = self.say.measures[kind].format(**named, currency=currency, within=within)
                return self._test(told, test)
            case Frequency():
                return self._frequency(measure, what)
            case Pick():
                return self._picked(measure, what, within)

    def _frequency(self, asked: Frequency, what: Word) -> str:
        template = self.say.frequency["each" if asked.periods == asked.last else "some"]
        last, periods = (self._counted(self.say.units[f"{asked.unit}s"], n) for n in (asked.last, asked.periods))
        return template.format(what=what, times=f"{asked.times:,}", last=last, periods=periods)

    def _picked(self, pick: Pick, what: Word, within: Word) -> str:
        which = self.say.picks[pick_key(pick.number)].format(what=what, within=within, n=pick.number)
        when, where = self._period(pick.within) + self._hours(pick.at), self._where(pick.where)
        return self.say.picked.format(which=Word(which), within=when, where=where)

    def _where(self, where: tuple[PropertyTest, ...]) -> str:
        conditions = [self._test(self.catalog.field_word(condition.name), condition.test) for condition in where]
        return self.say.where.format(rule=self.say.also.join(conditions)) if conditions else ""

    def _sequence(self, node: Sequence) -> str:
        return self.say.sequence.format(
            steps=Word(self.say.then.join(self._step(step) for step in node.steps)),
            in_last=self._period(node.in_last),
            apart=self.say.apart.format(length=self._length(node.within)) if node.within else "",
            without=self.say.without.format(event=self._step(node.without)) if node.without else "",
            then_not=self._then_not(node.then_not, node.silence) if node.then_not else "",
        )

    def _then_not(self, step: Step, silence: Window | None) -> str:
        if silence is None:
            return self.say.never_since.format(event=self._step(step))
        return self.say.silence.format(event=self._step(step), length=self._length(silence))

    def _step(self, step: Step) -> Word:
        currency = self.say.currency.format(currency=step.currency) if step.currency else ""
        return Word(self._occurrences(step, "", currency))

    def _occurrences(self, node: Event | Step, within: str, currency: str) -> str:
        where, at = self._where(node.where), self._hours(node.at)
        return self.say.event.format(
            event=quoted(self.catalog.event_word(node.name)), where=where, within=within, currency=currency, at=at
        )

    def _hours(self, at: Hours | None) -> str:
        if at is None:
            return ""
        days = self.say.comma.join(self.say.weekdays[day - 1] for day in at.weekdays)
        times = {"low": clock_time(at.start), "high": clock_time(at.end)}
        by_clock = self.say.by_clock.format(**times) if (at.start, at.end) != (0, DAY_MINUTES) else ""
        return (self.say.on_days.format(days=days) if days else "") + by_clock

    def _period(self, period: Period | None) -> str:
        match period:
            case None:
                return ""
            case Window():
                return self.say.within.format(length=self._length(period))
            case Calendar(unit, ago, whole):
                if whole or not ago:
                    return (self.say.previous_unit if whole else self.say.this_unit)[unit]
                return self.say.since[unit].format(length=self._counted(self.say.units[f"{unit}s"], ago))
            case Between(start, end):
                low, high = (Word(self._value(edge) if edge else "") for edge in (start, end))
                sides = "both" if start and end else "from" if start else "to"
                return self.say.between[sides].format(low=low, high=high)

    def _length(self, window: Window) -> str:
        """In the largest units that fit: "3 days" rather than "72 hours"."""
        parts = ((window.months, MONTHS), (window.seconds, LENGTHS))
        return self.say.comma.join(self._in_units(count, units) for count, units in parts if count)

    def _in_units(self, count: int, units: Mapping[str, int]) -> str:
        unit, size = next((unit, size) for unit, size in units.items() if count % size == 0)
        return self._counted(self.say.units[unit], count // size)

    def _consent(self, node: Consent) -> str:
        template = self.say.brand_consent if node.brand else self.say.consent
        purpose, channel = self.catalog.purpose_word(node.purpose), self.catalog.channel_word(node.channel)
        return template.format(purpose=quoted(purpose), channel=quoted(channel), brand=quoted(node.brand))


def quoted(text: str) -> Word:
    """A text of the author's in quotation marks."""
    return Word(f"“{text}”")
