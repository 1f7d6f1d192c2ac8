"""What a plan says of one event, ready to be asked: JSON Schema 2020-12, compiled once a version."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import jsonschema_rs as jsonschema

from cdp.events.types import Mode, Violation, Withdrawal

# The keyword that is not met → a kind of `VIOLATIONS`; any other speaks of a value.
KINDS = {
    "required": "missing", "dependentRequired": "missing", "type": "type", "enum": "choice", "const": "choice",
    "propertyNames": "naming", "additionalProperties": "surplus", "unevaluatedProperties": "surplus",
    "falseSchema": "surplus", "anyOf": "shape", "oneOfNotValid": "shape", "oneOfMultipleValid": "shape", "oneOf": "shape",
    "not": "shape", "contains": "shape", "dependentSchemas": "shape",
}  # fmt: skip
# Of one event so many are looked at.
MOST = 200
LONGEST_PLACE = 200
PATTERNS = jsonschema.RegexOptions()


class EventRule:
    """The schema of one event, with what it means to differ from it. `event` empty: of every event without a plan."""

    def __init__(self, event: str, schema: Mapping[str, Any], mode: str, withdraws: Withdrawal | None = None) -> None:
        self.event, self.withdraws = event, withdraws
        self.flags = ("off_plan",) if mode == Mode.WARN else ()
        self.blocks = mode == Mode.BLOCK
        self._validator = compiled(schema)
        self._names = frozenset(_names(schema))

    def violations(self, name: str, said: Mapping[str, Any]) -> list[Violation]:
        """How an event of this name and these properties differs from the plan, each kind and place once; a null is
        absent."""
        if None in said.values():
            said = {name: value for name, value in said.items() if value is not None}
        if self._validator.is_valid(said):
            return []
        errors = islice(self._validator.iter_errors(without_nulls(said)), MOST)
        return list(dict.fromkeys(self._violation(error) for error in errors))

    def _violation(self, error: jsonschema.ValidationError) -> Violation:
        place = [self._named(part) for part in error.instance_path]
        if isinstance(error.kind, jsonschema.ValidationErrorKind.Required):
            place.append(f".{error.kind.property}")
        joined = "".join(place).removeprefix(".")
        return Violation(self.event, KINDS.get(error.kind.name, "value"), joined[:LONGEST_PLACE])

    def _named(self, part: str | int) -> str:
        """A name that does not stand in the plan is whatever somebody sent."""
        if isinstance(part, int):
            return "[]"
        return f".{part}" if part in self._names else ".*"


class UnplannedRule(EventRule):
    """Of events that no plan describes; `naming`, how plans name events."""

    def __init__(self, mode: str, naming: str | None) -> None:
        super().__init__("", {}, mode)
        self._naming = None if naming is None else compiled({"pattern": naming})

    def violations(self, name: str, said: Mapping[str, Any]) -> list[Violation]:
        """That it is one, or already misnamed. The name is the sender's, so it is not told."""
        fits = self._naming is None or self._naming.is_valid(name)
        return [Violation("", "unplanned" if fits else "naming", "")]


def compiled(schema: Mapping[str, Any]) -> jsonschema.Validator:
    """A validator. Patterns take linear time, formats count, and nothing is fetched. ValueError for what is no schema."""
    return jsonschema.Draft202012Validator(
        dict(schema), validate_formats=True, ignore_unknown_formats=False, pattern_options=PATTERNS, offline=True
    )


def without_nulls(value: Any) -> Any:
    """A JSON value whose objects have no member that is null."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _names(schema: Any) -> Iterator[str]:
    """The names of all properties that stand anywhere in a schema."""
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        yield from properties if isinstance(properties, Mapping) else ()
        for inner in schema.values():
            yield from _names(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _names(inner)
