"""Plans as files that people review: JSON, an event's entry a JSON Schema of its properties with a few words of ours.

Ours are: of an event `mode`, `owner` and `withdraws`; of a field `personal` (true: sealed; false: clear whatever it looks
like) and `data_class`; of everything `title_ko` and `description_ko` beside the English `title` and `description`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs as jsonschema
import msgspec
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.events.tracking.schema import EventRule, UnplannedRule, compiled
from cdp.events.types import DataClass, Mode, Withdrawal

SHIPPED = Path(__file__).parent / "shipped"
LARGEST_FILE = 2**20
# What of an event's entry is no JSON Schema of its properties.
OWN = ("mode", "owner", "withdraws")
Treatment = Literal["auto", "clear", "sealed"]

_TEXT = {"type": "string", "maxLength": 2000}
_MODE = {"enum": list(Mode.values)}
_WORDS = dict.fromkeys(("title", "title_ko", "description", "description_ko"), _TEXT)
_FILE = compiled({
    "type": "object", "required": ["plan", "events"], "additionalProperties": False,
    "properties": {
        **_WORDS, "plan": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,59}$"}, "owner": _TEXT, "mode": _MODE,
        "unplanned": _MODE, "source": {"type": "string", "minLength": 1}, "$defs": {"type": "object"},
        "naming": {
            "type": "object", "additionalProperties": False, "properties": {"events": _TEXT, "properties": _TEXT},
        },
        "events": {
            "type": "object", "minProperties": 1, "maxProperties": 1000,
            "propertyNames": {"minLength": 1, "maxLength": 200},
            "additionalProperties": {
                "type": "object",
                "properties": {**_WORDS, "owner": _TEXT, "mode": _MODE, "withdraws": {
                    "type": "object", "required": ["purpose"], "additionalProperties": False,
                    "properties": {"purpose": _TEXT, "channel": _TEXT, "channel_property": _TEXT},
                }},
            },
        },
    },
})  # fmt: skip
_FIELD = compiled({
    "properties": {**_WORDS, "personal": {"type": "boolean"}, "data_class": {"enum": list(DataClass.values)}},
})  # fmt: skip


class FieldWord(msgspec.Struct, frozen=True):
    """What a plan says of one field of an event: its treatment and data class."""

    event: str
    path: str
    treatment: Treatment
    data_class: str


class Plan(msgspec.Struct, frozen=True):
    """A plan as its file says it; made by `of`, which refuses what cannot be meant."""

    content: dict[str, Any]

    @classmethod
    def of(cls, content: Any) -> "Plan":
        """The plan of a file's content. Raises `Refused`, `bad_plan`, with the place of what is wrong."""
        _require(_FILE, content, "")
        plan = cls(content)
        plan._require_names()
        for event in plan.events:
            try:
                plan.rule(event)
            except ValueError as error:
                raise _bad(f"/events/{event}", _reason(error)) from None
            for path, field in plan.fields(event):
                _require(_FIELD, field, f"/events/{event}/{path}")
        return plan

    @property
    def key(self) -> str:
        return str(self.content["plan"])

    @property
    def events(self) -> dict[str, dict[str, Any]]:
        return dict(self.content["events"])

    def mode(self, event: str) -> str:
        """The event's own, else the plan's."""
        return str(self.events[event].get("mode") or self.content.get("mode") or Mode.OBSERVE)

    def owner(self, event: str) -> str:
        """The event's own, else the plan's."""
        return str(self.events[event].get("owner") or self.content.get("owner") or "")

    def schema(self, event: str) -> dict[str, Any]:
        """The JSON Schema of an event's properties, whole in itself."""
        own = {word: value for word, value in self.events[event].items() if word not in OWN}
        naming = self.content.get("naming", {}).get("properties")
        named = {"propertyNames": {"pattern": naming}} if naming else {}
        return {"type": "object", **named, **own, "$defs": self.content.get("$defs", {})}

    def rule(self, event: str) -> EventRule:
        """What an event is held to."""
        said = self.events[event].get("withdraws")
        withdraws = None if said is None else msgspec.convert(said, Withdrawal)
        return EventRule(event, self.schema(event), self.mode(event), withdraws)

    def rules(self) -> dict[str, EventRule]:
        """By event; that of events which no plan describes under ""."""
        unplanned, naming = self.content.get("unplanned"), self.content.get("naming", {}).get("events")
        others = {"": UnplannedRule(unplanned, naming)} if unplanned else {}
        return {event: self.rule(event) for event in self.events} | others

    def fields(self, event: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(path, its schema) of every described field, outer ones first; those in lists as if there were one of them."""
        return _fields(jsonschema.dereference(self.schema(event), offline=True), "")

    def words(self) -> Iterator[FieldWord]:
        """What is said of fields that are personal, or of a data class."""
        for event in self.events:
            for path, field in self.fields(event):
                if "personal" in field or "data_class" in field:
                    treatment: Treatment = {True: "sealed", False: "clear"}.get(field.get("personal", ""), "auto")  # type: ignore[assignment]
                    yield FieldWord(event, path, treatment, field.get("data_class", DataClass.GENERAL))

    def _require_names(self) -> None:
        naming = self.content.get("naming", {})
        for kind, names in (("events", self.events), ("properties", self._properties())):
            try:
                pattern = compiled({"pattern": naming.get(kind, "")})
            except ValueError as error:
                raise _bad(f"/naming/{kind}", _reason(error)) from None
            for name in names:
                if not pattern.is_valid(name):
                    raise _bad(f"/{name}", _("the plan's own naming does not allow this name"))

    def _properties(self) -> dict[str, Any]:
        found = (event.get("properties") for event in self.events.values())
        return {name: None for properties in found if isinstance(properties, dict) for name in properties}


def read(content: bytes) -> Plan:
    """The plan of a file. Raises `Refused`, `bad_plan`, with the place of what is wrong."""
    if len(content) > LARGEST_FILE:
        raise _bad("", _("the file is too large"))
    try:
        return Plan.of(json.loads(content, object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        raise _bad("", str(error)) from None


def shipped_files() -> list[Path]:
    """The plans that come with the product, in order of their keys."""
    return sorted(SHIPPED.glob("*.json"))


def shipped() -> list[str]:
    """Their keys."""
    return [path.stem for path in shipped_files()]


def find(name: str) -> bytes:
    """A file by its path, or a shipped plan by its key. Raises `Refused`, `no_plan`."""
    path = SHIPPED / f"{name}.json" if name in shipped() else Path(name)
    try:
        return path.read_bytes()
    except OSError:
        raise Refused("no_plan", _("There is no such file, and no plan of this name is shipped.")) from None


def words_of(thing: Mapping[str, Any], kind: str) -> dict[str, str]:
    """The `title` or `description` of a plan, event or field by language; English stands in for missing Korean."""
    english = str(thing.get(kind) or "")
    return {"en": english, "ko": str(thing.get(f"{kind}_ko") or english)}


def _fields(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    while isinstance(schema, dict) and isinstance(schema.get("items"), dict):
        schema = schema["items"]
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for name, field in properties.items() if isinstance(properties, dict) else ():
        if isinstance(field, dict):
            yield f"{path}{name}", field
            yield from _fields(field, f"{path}{name}.")


def _require(validator: jsonschema.Validator, thing: Any, place: str) -> None:
    for error in validator.iter_errors(thing):
        raise _bad(place + "".join(f"/{part}" for part in error.instance_path), error.message)


def _bad(place: str, reason: str) -> Refused:
    return Refused("bad_plan", f"{place or '/'}: {reason}")


def _reason(error: ValueError) -> str:
    return error.message if isinstance(error, jsonschema.ValidationError) else str(error)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for at, (name, _value) in enumerate(pairs) if name in dict(pairs[:at]))
        raise ValueError(_("“%(name)s” stands twice in one object.") % {"name": twice})
    return found
