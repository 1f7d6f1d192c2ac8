"""The tracking plan as arrivals meet it: which fields are clear or sealed, and what an event is held to."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cdp.events.tracking.schema import EventRule
from cdp.events.types import PlannedTreatment, Violation
from cdp.ingestion.errors import Flaw

# Names of events are an open set: so many are remembered.
MOST_REMEMBERED = 4096
_NO_PLAN: Mapping[str, bool] = {}


@dataclass(frozen=True)
class Plan:
    """The words on fields, by (source or None, event or ""): path → clear?; and the rules, where "" is for events without
    one. The most specific counts."""

    words: Mapping[tuple[UUID | None, str], Mapping[str, bool]] = field(default_factory=dict)
    rules: Mapping[tuple[UUID | None, str], EventRule] = field(default_factory=dict)
    _known: dict[tuple[UUID, str], Mapping[str, bool]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls, rows: Iterable[PlannedTreatment], rules: Mapping[tuple[UUID | None, str], EventRule] | None = None
    ) -> "Plan":
        words: dict[tuple[UUID | None, str], dict[str, bool]] = {}
        for row in rows:
            words.setdefault((row.source, row.event), {})[row.path] = row.clear
        return cls(words, rules or {})

    def of_event(self, source: UUID, event: str) -> Mapping[str, bool]:
        """What is declared for the fields of this event."""
        if not self.words:
            return _NO_PLAN
        known = self._known.get((source, event))
        return self._learned(source, event) if known is None else known

    def _learned(self, source: UUID, event: str) -> Mapping[str, bool]:
        found: dict[str, bool] = {}
        for key in ((None, ""), (None, event), (source, ""), (source, event)):
            found |= self.words.get(key, {})
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[source, event] = found
        return found

    def rule(self, source: UUID, event: str) -> EventRule | None:
        """What is planned for this very event."""
        return self.rules.get((source, event)) or self.rules.get((None, event))

    def hold(
        self, source: UUID, event: str, said: Mapping[str, Any], counted: Counter[Violation], *, named: bool = True
    ) -> tuple[str, ...]:
        """The flags of an event that says this; how it differs is `counted`. `named`: its sender chose the name.

        `Flaw`, of the kind and at the place of what is wrong first, where the plan blocks.
        """
        if not self.rules:
            return ()
        rule = self.rule(source, event) or (self.rule(source, "") if named else None)
        found = rule.violations(event, said) if rule is not None else None
        if rule is None or not found:
            return ()
        counted.update(found)
        if rule.blocks:
            raise Flaw(f"plan_{found[0].kind}", ".".join(filter(None, (found[0].event, found[0].place))))
        return rule.flags
