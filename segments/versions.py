"""The versions of a segment: kept as they were written, compared, and what a change of meaning would do to members."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db.models import Max

from cdp.core.types import Actor, now
from segments import queries, sql
from segments.models import Segment, Version
from segments.query.problems import child

State = Version.State
# What a segment means; all else may change without a new version.
DEFINITION: Final = ("rule", "purpose", "brand", "zone", "exclusions", "excluded_everywhere", "split")


@dataclass(frozen=True)
class Difference:
    """What stands at a place (a JSON pointer) of two definitions; None where nothing does."""

    pointer: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Movement:
    """How many of today's members would leave, how many people would enter, and how many members there would be; and a few of
    those who would move."""

    entering: int
    leaving: int
    members: int
    who_enters: list[UUID] = field(default_factory=list)
    who_leaves: list[UUID] = field(default_factory=list)


def definition(segment: Segment) -> dict[str, Any]:
    """What a segment means, as JSON."""
    values = {name: getattr(segment, name) for name in DEFINITION if name != "purpose"}
    return values | {"purpose": segment.purpose_id}


def next_number(segment: Segment) -> int:
    """The number of the version after all that there are."""
    highest = Version.objects.filter(segment=segment).aggregate(Max("number"))["number__max"]
    return max(highest or 0, segment.version) + 1


def write(actor: Actor, segment: Segment, number: int, meaning: dict[str, Any], state: str, note: str = "") -> Version:
    """Keep a version."""
    decided = {"decided_by": actor.name, "decided_at": now()} if state == State.PUBLISHED else {}
    return Version.objects.create(
        segment=segment, number=number, definition=meaning, state=state, note=note, written_by=actor.name, **decided
    )


def publish(actor: Actor, segment: Segment) -> None:
    """Note that what a segment means now was published, and by whom."""
    present = Version.objects.filter(segment=segment, number=segment.version)
    present.update(state=State.PUBLISHED, decided_by=actor.name, decided_at=now())


def diff(before: object, after: object, path: str = "") -> Iterator[Difference]:
    """The places at which two definitions differ, in order; lists are compared place by place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from diff(before.get(key), after.get(key), child(path, key))
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            old, new = (side[place] if place < len(side) else None for side in (before, after))
            yield from diff(old, new, child(path, place))
    elif before != after:
        yield Difference(path, before, after)


def movement(segment: Segment, meaning: dict[str, Any], sampled: int = 0) -> Movement:
    """What a definition would do to the members that there are now; at most `sampled` of each kind are named, always the
    same while they move. Raises as `queries.preview`."""
    query = queries.counted_rule(
        meaning["rule"], meaning["purpose"], now(), zone=meaning["zone"], brand=meaning["brand"],
        leaving=meaning["exclusions"], key=segment.key,
    )  # fmt: skip
    params = query.params | {"segment": segment.pk, "most": sampled}
    return Movement(*queries.limited(sql.MOVEMENT.format(rule=query.sql), params)[0])
