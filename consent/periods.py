"""For how long something is kept, by the rules as they are. Pure.

Every purpose that may use a data class claims what is of it, for the days of its own rule: the most precise one, where a
purpose that is named goes before a source that is named, and that before a data class. A rule that names no purpose
speaks for every purpose without a rule of its own. What is claimed is kept for the longest of these periods, and without
end where a purpose has no rule at all: nothing is destroyed that somebody may need and nobody has decided on. What holds
data of several classes goes as a whole, when the first of them must.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Rule:
    """How many days something is kept; None and "" are every purpose, source, data class."""

    days: int
    purpose: str | None = None
    source: UUID | None = None
    data_class: str = ""


@dataclass(frozen=True)
class Period:
    """For how many days, None without end, and by whose claim: a purpose, "" for a rule that names none."""

    days: int | None
    because_of: str = ""


WITHOUT_END = Period(None)


def of_classes(
    rules: Collection[Rule], uses: Mapping[str, Collection[str]], source: UUID, classes: Collection[str]
) -> Period:
    """The period of what a source said of these data classes; `uses`: purpose → the classes that it may use."""
    periods = [of_class(rules, uses, source, data_class) for data_class in sorted(classes)]
    ending = [period for period in periods if period.days is not None]
    return min(ending, key=_length) if ending else next(iter(periods), WITHOUT_END)


def of_class(rules: Collection[Rule], uses: Mapping[str, Collection[str]], source: UUID, data_class: str) -> Period:
    """The longest period of all purposes that may use a data class; where none may, that of rules which name none."""
    claims = sorted(purpose for purpose, classes in uses.items() if data_class in classes)
    if not claims:
        return _claimed(rules, "", source, data_class)
    periods = [_claimed(rules, purpose, source, data_class) for purpose in claims]
    return next((period for period in periods if period.days is None), max(periods, key=_length))


def _claimed(rules: Collection[Rule], purpose: str, source: UUID, data_class: str) -> Period:
    holding = [
        rule
        for rule in rules
        if rule.purpose in (None, purpose) and rule.source in (None, source) and rule.data_class in ("", data_class)
    ]
    best = max(
        holding, key=lambda rule: (rule.purpose is not None, rule.source is not None, rule.data_class), default=None
    )
    return Period(best.days, best.purpose or "") if best else Period(None, purpose)


def _length(period: Period) -> int:
    return period.days or 0
