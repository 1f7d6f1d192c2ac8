"""Who is left out of a segment whatever its rule says, and what segments build on.

A segment leaves out the members of those that it excludes and of those that are excluded everywhere, as if its rule said
so: one meaning for every engine, and the same order of computing.
"""

from collections.abc import Collection, Iterable, Mapping

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from segments.models import Segment
from segments.query import ast
from segments.query.ast import Node
from segments.query.parse import parse
from segments.query.problems import RuleError

Graph = Mapping[str, frozenset[str]]


def named(segment: Segment) -> frozenset[str]:
    """The keys of the segments that a segment names: in its rule, or to leave out their members."""
    try:
        return ast.references(parse(segment.rule)) | frozenset(segment.exclusions)
    except RuleError:  # its own run will say so
        return frozenset(segment.exclusions)


def left_out(segments: Collection[Segment]) -> dict[str, frozenset[str]]:
    """Of each of these segments (all that are not archived), by key, the keys of those whose members it leaves out.

    What is published and excluded everywhere is left out of every segment of its brand, or of all, but of itself, of the
    others that are excluded everywhere, and of those that any of them builds on.
    """
    everywhere = [one for one in segments if one.excluded_everywhere and one.state == Segment.State.PUBLISHED]
    exempt = {one.key for one in everywhere}
    if everywhere:
        graph = {one.key: named(one) for one in segments}
        exempt = exempt.union(*(below(key, graph) for key in exempt))
    return {one.key: frozenset(one.exclusions) | _everywhere(one, everywhere, exempt) for one in segments}


def _everywhere(segment: Segment, everywhere: Iterable[Segment], exempt: Collection[str]) -> frozenset[str]:
    if segment.key in exempt:
        return frozenset()
    return frozenset(one.key for one in everywhere if one.brand in ("", segment.brand))


def left_out_of(segment: Segment) -> frozenset[str]:
    """The keys of those whose members this segment, as it is written here, leaves out."""
    others = Segment.objects.exclude(key=segment.key).exclude(state=Segment.State.ARCHIVED)
    return left_out([*others, segment])[segment.key]


def without(node: Node, keys: Collection[str]) -> Node:
    """A rule that leaves out the members of these segments."""
    return ast.All((node, *(ast.Not(ast.Segment(key)) for key in sorted(keys)))) if keys else node


def building(segments: Collection[Segment]) -> Graph:
    """Of each of these segments, by key, the keys of those among them that it builds on."""
    leaving = left_out(segments)
    return {one.key: (named(one) | leaving[one.key]) & leaving.keys() for one in segments}


def below(key: str, graph: Graph) -> set[str]:
    """All that a segment builds on, at whatever distance."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        fresh = graph[waiting.pop()] & graph.keys() - found
        found |= fresh
        waiting += fresh
    return found


def check(segment: Segment) -> None:
    """Raise ValidationError, on "exclusions", unless it names other segments that exist, each once."""
    others = Segment.objects.exclude(key=segment.key).exclude(state=Segment.State.ARCHIVED)
    known = set(others.values_list("key", flat=True))
    if not known.issuperset(segment.exclusions) or len(set(segment.exclusions)) != len(segment.exclusions):
        raise ValidationError({"exclusions": _("Exclusions are keys of other segments, each once.")})
