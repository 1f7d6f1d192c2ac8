"""A few people, masked, for whoever writes a rule: written down as every look at people."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cdp.core.actions import disclose
from cdp.core.masking import mask_all
from cdp.core.types import Actor
from cdp.profiles import queries as profiles
from segments.models import Segment
from segments.versions import Movement

# What of somebody is shown, the first that is known.
NAMES, CONTACTS = ("full_name", "given_name"), ("phone", "email")


@dataclass(frozen=True)
class Glimpse:
    """Somebody with a name and a contact value, both masked, "" where there is none."""

    profile: UUID
    name: str
    contact: str


def of(actor: Actor, ids: Sequence[UUID], purpose: str, segment: Segment | None) -> list[Glimpse]:
    """These profiles, masked; the look is audited."""
    known = {profile: mask_all(values) for profile, values in profiles.personal(ids).items()}
    if ids:
        target = str(segment.pk) if segment else ""
        disclose(actor, "segment.sample_shown", ids, target=target, purpose=purpose)
    return [Glimpse(one, *(_first(known.get(one, {}), names) for names in (NAMES, CONTACTS))) for one in ids]


def of_movement(actor: Actor, moved: Movement, purpose: str, segment: Segment) -> dict[str, list[Glimpse]]:
    """A few of those who would enter and of those who would leave under a definition of this purpose."""
    seen = of(actor, [*moved.who_enters, *moved.who_leaves], purpose, segment)
    return {"entering": seen[: len(moved.who_enters)], "leaving": seen[len(moved.who_enters) :]}


def _first(values: dict[str, str], names: tuple[str, ...]) -> str:
    return next((values[name] for name in names if values.get(name)), "")
