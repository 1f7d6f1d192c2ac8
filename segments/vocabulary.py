"""What rules may name in this installation, and saved rules made into queries."""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils.translation import get_language, override, pgettext_lazy
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.statements import fetch
from cdp.events import queries as events
from cdp.events.words import event_words, field_word, in_korean
from cdp.profiles.types import COMPUTED, TRAITS, Trait, trait
from consent.models import ContactChannel, Purpose
from consent.types import CONTACT_CHANNELS
from segments import exclusions, sql
from segments.models import ComputedTrait, Segment, UploadedList
from segments.query import ast
from segments.query.ast import EACH, Kind, Node
from segments.query.catalog import TRAIT_EVENTS, Catalog, PropertySpec, TraitSpec, examine, kind_of, planned_classes
from segments.query.compiler import Asked, Query, compile_rule
from segments.query.computed import NUMBERS
from segments.query.describe import describe
from segments.query.dialects import POSTGRES, Dialect
from segments.query.parse import parse
from segments.query.problems import Problem, RuleError

KINDS: dict[str, Kind] = {
    "number": "number", "text": "string", "string": "string", "boolean": "boolean", "date": "date", "moment": "moment",
}  # fmt: skip
RFM_LABELS = (
    pgettext_lazy("RFM", "recency"), pgettext_lazy("RFM", "frequency"), pgettext_lazy("RFM", "money"),
    pgettext_lazy("RFM", "code"),
)  # fmt: skip
SAMPLE, MOST_NAMES, FRESH_SECONDS = 5_000, 500, 60


@dataclass(frozen=True)
class Names:
    """The segments (and whose members each leaves out), purposes (with their data classes), contact channels, planned data
    classes, lists (with their purpose) and published computed traits there are, and what events, segments and purposes (in
    English and Korean) are called; read once for many rules."""

    segments: dict[str, UUID]
    purposes: dict[str, frozenset[str]]
    channels: frozenset[str]
    classes: dict[tuple[str, str], frozenset[str]]
    left_out: dict[str, frozenset[str]]
    lists: dict[str, tuple[str, UUID]]
    computed: tuple[ComputedTrait, ...]
    titles: list[tuple[str, Mapping[str, str]]]
    segment_names: dict[str, str]
    purpose_names: dict[str, tuple[str, str]]

    @classmethod
    def read(cls) -> "Names":
        alive = list(Segment.objects.exclude(state=Segment.State.ARCHIVED))
        purposes = list(Purpose.objects.values_list("key", "data_classes", "name_en", "name_ko"))
        return cls(
            segments={segment.key: segment.pk for segment in alive},
            purposes={key: frozenset(classes) for key, classes, *_names in purposes},
            channels=frozenset(ContactChannel.objects.values_list("key", flat=True)),
            classes=events.classes_of_fields(),
            left_out=exclusions.left_out(alive),
            lists={key: (purpose, pk) for key, purpose, pk in UploadedList.objects.values_list("key", "purpose", "id")},
            computed=tuple(ComputedTrait.objects.filter(state=ComputedTrait.State.PUBLISHED)),
            titles=events.planned_titles(),
            segment_names={segment.key: segment.name for segment in alive},
            purpose_names={key: (english, korean) for key, _classes, english, korean in purposes},
        )

    def catalog(self, purpose: str, traits: dict[str, TraitSpec]) -> Catalog:
        """The catalog of rules of one purpose. Raises `Refused` where the purpose does not exist."""
        if purpose not in self.purposes:
            raise Refused("purpose_unknown", _("There is no such purpose."))
        return Catalog(
            traits={name: spec for name, spec in traits.items() if not name.startswith(COMPUTED)} | self.computed_traits(),
            segments=self.segments, purposes=self.purposes.keys(), channels=self.channels,
            allowed_classes=self.purposes[purpose], currency=settings.DEFAULT_CURRENCY,
            classes=self.classes, lists={key: pk for key, (serves, pk) in self.lists.items() if serves == purpose},
            event_word=_lookup(event_words(self.titles)), field_word=field_word, segment_word=_lookup(self.segment_names),
            purpose_word=self._purpose_word, channel_word=lambda key: str(CONTACT_CHANNELS.get(key, key)),
        )  # fmt: skip

    def _purpose_word(self, key: str) -> str:
        return self.purpose_names[key][in_korean()] if key in self.purpose_names else key

    def computed_traits(self) -> dict[str, TraitSpec]:
        """The published computed traits as rules name them, labelled in the reader's language."""
        return {name: spec for row in self.computed for name, spec in computed_specs(row).items()}


def _lookup(words: Mapping[str, str]) -> Callable[[str], str]:
    return lambda key: words.get(key, key)


def computed_specs(row: ComputedTrait) -> dict[str, TraitSpec]:
    """The traits that a definition publishes, as rules name them: a list with [] after its name."""
    label = row.label_ko if (get_language() or "").startswith("ko") else row.label_en
    if row.kind == row.Kind.RFM:
        told = zip(row.names, ("number", "number", "number", "string"), RFM_LABELS, strict=True)
        return {name: TraitSpec(KINDS[kind], row.data_class, f"{label}: {part}") for name, kind, part in told}
    kind, many = "number" if row.kind in NUMBERS else row.value_type, row.kind == row.Kind.LIST
    return {row.names[0] + (EACH if many else ""): TraitSpec(KINDS[kind], row.data_class, label, many)}


def zone_of(name: str) -> ZoneInfo:
    """The IANA time zone of a name. Raises `Refused` where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise Refused("zone_unknown", _("There is no such time zone.")) from error


def built_in() -> dict[str, TraitSpec]:
    """The traits that every golden record may have, and money in the default currency."""
    money = [f"{kind}_total_{settings.DEFAULT_CURRENCY}" for kind in ("revenue", "refund")]
    return {name: _spec(spec) for name in (*money, *TRAITS) if (spec := trait(name)) is not None}


def trait_spec(name: str) -> TraitSpec | None:
    """A trait that every golden record may have, by its name, sums of money in any currency included; None of another."""
    known = trait(name)
    return _spec(known) if known else None


def _spec(known: Trait) -> TraitSpec:
    korean = (get_language() or "").startswith("ko")
    return TraitSpec(KINDS[known.type], known.data_class, known.label_ko if korean else known.label_en, own=True)


def in_words(rule: object, purpose: str, names: Names) -> dict[str, str]:
    """A saved rule as a sentence, by language."""
    node, told = parse(rule), {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            told[language] = describe(node, language, names.catalog(purpose, built_in()))
    return told


def named_traits(rule: Node) -> dict[str, TraitSpec]:
    """The traits that a rule names beyond the built-in ones and that golden records really hold."""
    names = {name for name in ast.trait_names(rule) - TRAITS.keys() if not name.startswith(COMPUTED)}
    money = {name: _spec(spec) for name in names if (spec := trait(name)) is not None}
    seen = fetch(sql.TRAITS_NAMED, [sorted(names - money.keys())]) if names - money.keys() else []
    return money | {name: TraitSpec(kind) for name, kind in seen}


def seen_traits() -> dict[str, TraitSpec]:
    """The traits of a sample of golden records, at most a minute old: what a builder offers."""
    return _seen(_minute(), str(connection.settings_dict["NAME"]))


@lru_cache(maxsize=2)
def _seen(minute: int, database: str) -> dict[str, TraitSpec]:
    share = fetch(sql.SHARE, [SAMPLE])[0][0]
    seen = fetch(sql.TRAITS_SEEN, {"share": share, "rows": SAMPLE, "names": MOST_NAMES})
    return {name: TraitSpec(kind) for name, kind in seen}


def _minute() -> int:
    return int(time.monotonic() // FRESH_SECONDS)


@lru_cache(maxsize=1_000)
def _traits_of(segment: UUID, version: int, minute: int, language: str | None) -> dict[str, TraitSpec]:
    """The traits of a saved rule, labelled in the present language. One that no golden record holds any more is of the type
    of the rule's own values, so that a rule does not fail because the last of its members has gone."""
    node = parse(Segment.objects.values_list("rule", flat=True).get(pk=segment))
    read = [leaf for leaf in ast.leaves(node) if isinstance(leaf, ast.Trait)]
    own = {trait.name: TraitSpec(kind_of(trait.test, None)) for trait in read}
    return own | built_in() | named_traits(node)


def compiled(segment: Segment, names: Names, as_of: datetime, *, dialect: Dialect = POSTGRES) -> Query:
    """A saved segment's query for an engine. Raises `RuleError` where its purpose (now) refuses the rule."""
    rule = asked(segment, names)
    return compile_rule(rule.node, rule.catalog, as_of=as_of, zone=rule.zone, dialect=dialect)


def asked(segment: Segment, names: Names) -> Asked:
    """What a saved segment asks of a profile. Raises `RuleError` and `Refused` where it cannot be read any more."""
    traits = _traits_of(segment.pk, segment.version, _minute(), get_language())
    node = exclusions.without(parse(segment.rule), names.left_out.get(segment.key, frozenset()))
    return Asked(node, names.catalog(segment.purpose_id, traits), zone_of(segment.zone))


def names_in(rule: object) -> frozenset[str]:
    """The traits and events that a saved rule reads itself."""
    node = parse(rule)
    return ast.trait_names(node) | ast.event_names(node)


def told_of(rule: object, names: Callable[[Node], frozenset[str]]) -> frozenset[str]:
    """What names a saved rule holds; none where it cannot be read, which its own run will say."""
    try:
        return names(parse(rule))
    except RuleError:
        return frozenset()


class _Fields(dict[str, PropertySpec]):
    """The fields of an event: what lies within one is as known as it, and where none is known anything may be."""

    def get(self, path: str, default: Any = None) -> Any:
        return PropertySpec("string") if not self or re.split(r"[.\[]", path)[0] in self else default


def unseen(rule: object) -> list[Problem]:
    """The events of a rule (JSON) that nobody has sent and no plan names, and properties that none of an event's ever had, each
    at its place, with the name that was probably meant. The rule stands: they may come one day."""
    known = {event: _Fields(dict.fromkeys(names, PropertySpec("string"))) for event, names in events.fields().items()}
    return examine(parse(rule), Catalog({}, events=known)).warnings


def classes_of(rule: object, planned: Mapping[tuple[str, str], frozenset[str]] | None = None) -> frozenset[str]:
    """The data classes that a saved rule reads itself, by those built in and those `planned` (None: looked up)."""
    node, planned = parse(rule), events.classes_of_fields() if planned is None else planned
    named = ast.trait_names(node)
    built = {TRAITS[name].data_class if name in TRAITS else "general" for name in named}
    return frozenset(built | computed_classes(named)).union(*(planned_classes(planned, *read) for read in _read(node)))


def computed_classes(names: Collection[str]) -> set[str]:
    """The data classes of the computed traits among some names as rules write them."""
    keys = computed_keys(names)
    return set(ComputedTrait.objects.filter(key__in=keys).values_list("data_class", flat=True)) if keys else set()


def computed_keys(names: Collection[str]) -> set[str]:
    """The keys of the definitions behind the computed traits among some names as rules write them."""
    return {
        name.removeprefix(COMPUTED).removesuffix(EACH).partition(".")[0] for name in names if name.startswith(COMPUTED)
    }


def _read(node: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """(events, field) of everything that a rule reads."""
    for name in ast.trait_names(node):
        yield TRAIT_EVENTS, name
    for leaf in ast.leaves(node):
        for happening in ast.happenings(leaf):
            for name in ast.properties_of(happening):
                yield (happening.name,), name
