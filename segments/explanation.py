"""Why somebody is in a segment or not: each clause of its rule, whether it holds, and the values that decided it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, cast
from uuid import UUID

from django.utils.translation import get_language

from cdp.core.actions import disclose
from cdp.core.types import Actor, now
from cdp.profiles import queries as profiles
from consent import queries as consent
from consent.models import ContactChannel
from consent.types import EffectiveConsent
from segments import queries, sql
from segments.models import Membership, Segment, Transition
from segments.query import ast, facts
from segments.query.ast import EACH, Node
from segments.query.compiler import Asked, Query, compile_flags
from segments.query.computed import ZERO, compile_trait, value_of
from segments.query.describe import describe_clause
from segments.query.parse import parse
from segments.query.problems import child
from segments.types import Explanation, Fact, FactName, Reason, Way
from segments.vocabulary import Names, asked

GROUPS: dict[tuple[bool, type[Node]], str] = {
    (False, ast.All): "all", (False, ast.Any): "any", (True, ast.Any): "none", (True, ast.All): "not_all",
}  # fmt: skip


def explain(actor: Actor, segment: Segment, profile: UUID) -> Explanation:
    """Each clause of a segment's rule as it is written, asked of a live profile at this moment, with those that leave people
    out; whether the profile is a member as of the last computation; and by which contact channels it may be contacted.

    Audited. Raises `RuleError` and `Refused` where the rule cannot be read any more, `too_slow` where it takes too long.
    """
    disclose(actor, "segment.explained", [profile], target=str(segment.pk), purpose=segment.purpose_id)
    names, at = Names.read(), now()
    about = asked(segment, names)
    lines = list(_lines(parse(segment.rule)))
    leaving = [_Line("", ast.Not(ast.Segment(key)), 0) for key in sorted(names.left_out.get(segment.key, ()))]
    told = _Telling(profile, about, at).reasons([*lines, *leaving])
    member = Membership.objects.filter(segment=segment, profile=profile).first()
    return Explanation(
        segment=segment.key, profile_id=profile, as_of=at, member=member is not None,
        entered_at=member.entered_at if member else None,
        holds=all(reason.holds for reason in (told[0], *told[len(lines) :])),
        reasons=told[: len(lines)], exclusions=told[len(lines) :], last_change=_last_change(segment, profile),
        channels=[_way(segment, profile, channel) for channel in ContactChannel.objects.order_by("key")],
    )  # fmt: skip


def _last_change(segment: Segment, profile: UUID) -> Fact | None:
    """How and when the profile last came in or went by the rule; None where it never did."""
    rows = Transition.objects.filter(segment=segment, profile=profile, purpose="").order_by("-at", "-id")
    last = rows.first()
    if last is None:
        return None
    return Fact("entered_at" if last.kind == Transition.Kind.ENTERED else "left_at", last.reason, last.at)


def _way(segment: Segment, profile: UUID, channel: ContactChannel) -> Way:
    gate, params = consent.allowed_among(sql.ALONE, segment.purpose_id, channel.key, now(), segment.brand)
    params |= {"profile": profile, "point": channel.point}
    _, agreed, reachable = queries.limited(sql.PREVIEW.format(rule=sql.ALONE, gate=gate), params)[0]
    return Way(channel.key, bool(agreed), bool(reachable))


# --- clauses ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """A clause at its place in the rule."""

    path: str
    node: Node
    depth: int

    @property
    def group(self) -> str:
        """Which of the clauses below it must hold: "all", "any", "none" or "not_all"; "" for a single one."""
        return GROUPS.get((isinstance(self.node, ast.Not), type(_denied(self.node))), "")


def _denied(node: Node) -> Node:
    """What a `not` denies; of anything else itself."""
    return node.part if isinstance(node, ast.Not) else node


def _lines(node: Node, path: str = "", depth: int = 0) -> Iterator[_Line]:
    """The clauses of a rule in the order in which they are read."""
    yield _Line(path, node, depth)
    inner = _denied(node)
    if isinstance(inner, ast.All | ast.Any):
        below = child(path, "not") if isinstance(node, ast.Not) else path
        below = child(below, "all" if isinstance(inner, ast.All) else "any")
        for index, part in enumerate(inner.parts):
            yield from _lines(part, child(below, index), depth + 1)


class _Telling:
    """What is read of one profile, each thing once."""

    def __init__(self, profile: UUID, about: Asked, at: datetime) -> None:
        self.profile, self.about, self.at = profile, about, at

    def reasons(self, lines: Sequence[_Line]) -> list[Reason]:
        """Each clause with whether it holds, asked in one statement, and what decided it."""
        language = get_language() or "en"
        flags = compile_flags(
            [Asked(line.node, self.about.catalog, self.about.zone) for line in lines], as_of=self.at, only_profiles=True
        )
        found = self._row(flags)
        held = found or (False,) * len(lines)
        return [
            Reason(
                line.path, line.group, describe_clause(line.node, language, self.about.catalog), line.depth, holds,
                [] if line.group else list(self._facts(_denied(line.node))),
            )
            for line, holds in zip(lines, held, strict=True)
        ]  # fmt: skip

    def _row(self, query: Query) -> tuple[Any, ...] | None:
        """What a query says of the profile, without its id; None where it says nothing."""
        rows = queries.limited(query.sql, query.params | {"profiles": [self.profile]})
        return rows[0][1:] if rows else None

    @cached_property
    def traits(self) -> dict[str, Any]:
        return profiles.golden(self.profile).traits

    @cached_property
    def consents(self) -> list[EffectiveConsent]:
        return consent.effective(self.profile)

    def _facts(self, node: Node) -> Iterable[Fact]:
        """What decided a single clause; of a denied denial nothing but that it holds."""
        match node:
            case ast.Trait(name):
                return [Fact("trait", name, self.traits.get(name.removesuffix(EACH)))]
            case ast.Event() | ast.Sequence():
                return self._happened(node)
            case ast.Segment(key):
                return self._stays(key)
            case ast.Consent():
                return [fact for row in self._agreed(node) for fact in row]
        return []

    def _agreed(self, node: ast.Consent) -> Iterator[list[Fact]]:
        for row in self.consents:
            if (row.purpose, row.channel, row.brand) == (node.purpose, node.channel, node.brand):
                yield [Fact("consent", "", str(row.state)), Fact("since", "", row.since)]

    def _stays(self, key: str) -> Iterator[Fact]:
        """Since when the profile is a member of another segment, or when it left."""
        entered = Membership.objects.filter(segment__key=key, profile=self.profile).values_list("entered_at", flat=True)
        if entered:
            yield Fact("entered_at", key, entered[0])
            return
        segment = Segment.objects.filter(key=key).first()
        if segment and (last := _last_change(segment, self.profile)):
            yield Fact(last.name, key, last.value)

    def _happened(self, leaf: ast.Event | ast.Sequence) -> Iterator[Fact]:
        if isinstance(leaf, ast.Event):
            yield from self._measured(leaf)
        for described in facts.descriptions(leaf):
            number, first, last = self._row(facts.compile_matches(leaf, described, self.about, as_of=self.at)) or (
                0,
                None,
                None,
            )
            yield Fact("events", described.told.name, number)
            if number:
                yield Fact("first_at", described.told.name, first)
                yield Fact("last_at", described.told.name, last)

    def _measured(self, leaf: ast.Event) -> Iterator[Fact]:
        match leaf.measure:
            case ast.Measure():
                yield from self._value(leaf, leaf.measure)
            case ast.Pick():
                row = self._row(facts.compile_picked(leaf, leaf.measure, self.about, as_of=self.at))
                yield Fact("picked_at", leaf.name, row[0] if row else None)
            case ast.Frequency():
                row = self._row(facts.compile_periods(leaf, leaf.measure, self.about, as_of=self.at))
                yield Fact("periods", leaf.name, row[0] if row else 0)

    def _value(self, leaf: ast.Event, measure: ast.Measure) -> Iterator[Fact]:
        definition = facts.measured(leaf, measure, self.about)
        if definition is None:
            return
        query = compile_trait(definition, self.about.catalog, as_of=self.at, zone=self.about.zone, only_profiles=True)
        row, none = self._row(query), 0 if definition.kind in ZERO else None
        currency = leaf.currency or self.about.catalog.currency
        known = row is not None and row[0] is not None
        kind = cast(FactName, measure.kind)
        yield Fact(kind, measure.name, value_of(definition, row, currency) if row and known else none)
