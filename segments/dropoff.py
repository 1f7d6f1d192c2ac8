"""Where a rule loses people, clause by clause, and a few of those whom it leaves."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils.translation import get_language

from cdp.core.types import now
from segments import queries, sampling, sql
from segments.query import ast
from segments.query.ast import Node
from segments.query.catalog import Catalog
from segments.query.compiler import Asked, Query, compile_flags
from segments.query.describe import describe_clause
from segments.query.happenings import PROFILES
from segments.query.parse import parse
from segments.query.problems import child
from segments.types import ClauseCount
from segments.vocabulary import zone_of

SAMPLED = 5


@dataclass(frozen=True)
class Place:
    """A clause in its rule; `before` are the places of those that must hold before it is asked."""

    path: str
    node: Node
    depth: int
    before: tuple[int, ...]

    @property
    def group(self) -> str:
        """Which of the clauses below it must hold: "all", "any" or "none"; "" for a single one."""
        match self.node:
            case ast.All():
                return "all"
            case ast.Any():
                return "any"
            case ast.Not(ast.Any()):
                return "none"
            case _:
                return ""


def drop_off(
    rule: object, purpose: str, *, zone: str, brand: str = "", leaving: Sequence[str] = (), key: str = ""
) -> list[ClauseCount]:
    """Each clause of a rule (JSON) from top to bottom, the whole rule first; one statement however many they are.

    A clause of `all` is asked of those whom the clauses above it left; one of `any`, or of `not`, of those who reached its
    group. Counted are live profiles, as by `queries.preview`, which also tells of the other parameters and what is raised.
    """
    node, left_out = parse(rule), queries.left_out(rule, brand, leaving, key)
    catalog = queries.catalog(purpose, zone, node)
    places, language = list(placed(node)), get_language() or "en"
    counts = _counts(places, left_out, catalog, zone)
    return [
        ClauseCount(place.path, place.group, describe_clause(place.node, language, catalog), place.depth, among, left)
        for place, among, left in zip(places, counts[::2], counts[1::2], strict=True)
    ]


def placed(node: Node, path: str = "", depth: int = 0) -> Iterator[Place]:
    """The clauses of a rule in the order in which they are read; what a `not` denies has no line of its own."""
    return iter(_placed(node, path, depth, (), []))


def _placed(node: Node, path: str, depth: int, before: tuple[int, ...], found: list[Place]) -> list[Place]:
    found.append(Place(path, node, depth, before))
    if isinstance(node, ast.Not) and isinstance(node.part, ast.Any):
        node, path = node.part, child(path, "not")
    if isinstance(node, ast.All | ast.Any):
        below = child(path, "all" if isinstance(node, ast.All) else "any")
        for index, part in enumerate(node.parts):
            at = len(found)
            _placed(part, child(below, index), depth + 1, before, found)
            before = (*before, at) if isinstance(node, ast.All) else before
    return found


def _counts(places: Sequence[Place], left_out: Collection[str], catalog: Catalog, zone: str) -> list[int]:
    """For each place, of how many it was asked and how many hold it too; by a sample where `queries.preview` takes one."""
    asked = [*(place.node for place in places), *map(ast.Segment, sorted(left_out))]
    begins, draw = zone_of(zone or settings.TIME_ZONE), sampling.drawn()
    flags = compile_flags([Asked(node, catalog, begins) for node in asked], as_of=now(), only_profiles=draw is not None)
    sets = [held for at, place in enumerate(places) for held in (place.before, (*place.before, at))]
    counts = ", ".join(f"count(*) filter (where {_holding(held)})" for held in sets)
    kept = " and ".join(f"not m{at}" for at in range(len(places), len(asked))) or "true"
    params = flags.params | ({PROFILES: draw.profiles} if draw else {})
    counted = queries.limited(sql.COUNT_CLAUSES.format(counts=counts, flags=flags.sql, kept=kept), params)[0]
    return [draw.estimate(number) for number in counted] if draw else list(counted)


def _holding(flagged: Iterable[int]) -> str:
    return " and ".join(f"m{at}" for at in flagged) or "true"


def sample(query: Query) -> list[UUID]:
    """A few of the profiles that a compiled rule describes, always the same while they fit."""
    rows = queries.limited(sql.SAMPLE.format(rule=query.sql), query.params | {"most": SAMPLED})
    return [profile for (profile,) in rows]
