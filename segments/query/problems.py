"""What can be wrong with a rule: a place in the JSON, a code, and an English message with its parameters.

The message is a msgid: callers translate it and fill in the parameters afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_PROBLEMS = 100
LONGEST_QUOTE = 60


def _(message: str) -> str:
    """Marks a message for translation; whoever shows it translates it."""
    return message


MESSAGES: Mapping[str, str] = {
    "type": _("This must be %(expected)s."),
    "kind": _("A clause needs exactly one of: %(kinds)s."),
    "unknown_key": _("“%(name)s” is not a key of this clause. Known keys: %(known)s."),
    "missing_key": _("The key “%(name)s” is missing."),
    "empty_group": _("A group needs at least one clause."),
    "too_deep": _("Clauses may be nested at most %(limit)s deep."),
    "too_many_clauses": _("A rule may have at most %(limit)s clauses."),
    "unknown_op": _("“%(name)s” is not an operator here. Operators: %(known)s."),
    "surplus_property": _("This kind reads no property: leave “%(name)s” out."),
    "surplus_value": _("The operator “%(op)s” takes no value."),
    "number_finite": _("A number must be finite."),
    "number_range": _("The number is too large."),
    "number_decimals": _("A number may have at most six decimals."),
    "integer_range": _("The whole number must lie between %(low)s and %(high)s."),
    "too_long": _("The text is longer than %(limit)s characters."),
    "empty_text": _("The text is empty."),
    "bad_text": _("The text contains a character that cannot be stored."),
    "too_many_values": _("A list may have at most %(limit)s values."),
    "empty_list": _("The list is empty."),
    "mixed_values": _("All values of a list must be of one type."),
    "between_pair": _("“between” needs a list of two values: lowest and highest."),
    "between_order": _("The lowest value is greater than the highest."),
    "op_type": _("The operator “%(op)s” cannot be used with a value of type %(type)s."),
    "bad_path": _("“%(name)s” is not a property path: names joined by dots, each with [] after it if it is a list."),
    "currency_code": _("A currency is three capital letters, such as KRW."),
    "currency_missing": _("Say in which currency the money is counted."),
    "one_measure": _("Use only one of: %(names)s."),
    "frequency_window": _("“frequency” says itself which time counts."),
    "empty_hours": _("“at” needs “weekdays”, “from” or “to”."),
    "no_hours": _("“from” and “to” are the same time of day."),
    "bad_time": _("This must be a time of day such as 09:30, up to 24:00."),
    "empty_pick": _("Say what must hold of the event: “where”, “at”, “within” or “between”."),
    "empty_window": _('A window needs a length, such as {"days": 30}.'),
    "calendar_units": _("A calendar window is counted in one unit, of: %(known)s."),
    "one_window": _("Use only one of: %(names)s."),
    "empty_between": _("“between” needs “from”, “to” or both."),
    "window_length": _("A window may be at most %(limit)s days long."),
    "step_number": _("A sequence has between one and %(limit)s steps."),
    "single_step": _('A sequence of one step needs “then_not”; an event alone is written {"event": …}.'),
    "between_steps": _("“%(name)s” is about what lies between two steps, but there is only one."),
    "nothing_follows": _("“for” says how long something must not follow: say what, with “then_not”."),
    "unknown_unit": _("“%(name)s” is no calendar unit here. Units: %(known)s."),
    "not_json": _("The rule is not valid JSON."),
    "unknown_trait": _("There is no trait “%(name)s”."),
    "unknown_trait_near": _("There is no trait “%(name)s”. Did you mean “%(near)s”?"),
    "unknown_segment": _("There is no segment “%(name)s”."),
    "unknown_segment_near": _("There is no segment “%(name)s”. Did you mean “%(near)s”?"),
    "unknown_list": _("There is no list “%(name)s” for this purpose."),
    "unknown_list_near": _("There is no list “%(name)s” for this purpose. Did you mean “%(near)s”?"),
    "unknown_purpose": _("There is no purpose “%(name)s”."),
    "unknown_purpose_near": _("There is no purpose “%(name)s”. Did you mean “%(near)s”?"),
    "unknown_channel": _("There is no contact channel “%(name)s”."),
    "unknown_channel_near": _("There is no contact channel “%(name)s”. Did you mean “%(near)s”?"),
    "unknown_event": _("No event “%(name)s” has been seen yet."),
    "unknown_event_near": _("No event “%(name)s” has been seen yet. Did you mean “%(near)s”?"),
    "unknown_property": _("No property “%(name)s” of this event has been seen yet."),
    "unknown_property_near": _("No property “%(name)s” of this event has been seen yet. Did you mean “%(near)s”?"),
    "sealed": _("“%(name)s” is personal and kept sealed, so a rule cannot read it. Use a coarse trait instead."),
    "data_class": _("“%(name)s” is of the data class “%(class)s”, which the purpose of this segment does not allow."),
    "trait_class": _("“%(name)s” is of the data class “%(class)s”, so the computed trait must be of that class."),
    "wrong_type": _("“%(name)s” is of type %(expected)s; this value is of type %(type)s."),
    "bad_date": _("This must be a date such as 2026-01-31, or days ago."),
    "bad_moment": _("This must be a date such as 2026-01-31, a time with its offset, or days ago."),
}
# What a parameter may be: `expected` of "type" above; callers translate it as well.
EXPECTED = (
    _("a list"),
    _("an object"),
    _("a text"),
    _("a number"),
    _("a whole number"),
    _("a number, a text, true, false, days ago or this month"),
    _("true or false"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: `path` is a JSON pointer into the rule, `message` a msgid for `params`."""

    path: str
    code: str
    message: str
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The message in English, filled in."""
        return self.message % self.params


class RuleError(ValueError):
    """A rule that is refused, with every problem found. Its text quotes nothing of the rule, so it may be logged."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("rule refused: " + ", ".join(sorted({problem.code for problem in problems})))


class Notes:
    """Collects problems, at most `MOST_PROBLEMS`, so that a hostile rule cannot make a hostile answer."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, path: str, code: str, **params: object) -> None:
        """Note a problem at a place; long parameters are shortened."""
        if len(self.problems) < MOST_PROBLEMS:
            shown = {name: quote(str(value)) for name, value in params.items()}
            self.problems.append(Problem(path, code, MESSAGES[code], shown))

    def raise_if_any(self) -> None:
        """Raise `RuleError` with all that was noted."""
        if self.problems:
            raise RuleError(self.problems)


def child(path: str, key: str | int) -> str:
    """The JSON pointer (RFC 6901) of a key below `path`."""
    escaped = quote(str(key)).replace("~", "~0").replace("/", "~1")
    return f"{path}/{escaped}"


def quote(text: str) -> str:
    """Text fit for a message: printable and short (lists of operators are longer than any name)."""
    printable = "".join(character if character.isprintable() else "�" for character in text[: LONGEST_QUOTE * 4])
    return printable if len(text) <= LONGEST_QUOTE * 4 else printable + "…"
