"""Who is in which part of a split segment: drawn by a hash once, at the first entry, and never drawn again.

A draw is kept for one record of the profile, its first, and only ever added to. Merges and unmerges move records, so it
goes where the person goes; of several in one profile the first holds.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.utils.translation import gettext as _

from cdp.core.statements import execute, fetch
from segments import sql
from segments.models import Segment

# Whoever is in this part is a member whom nobody contacts, to compare the others with.
HOLDOUT: Final = "holdout"
MOST_VARIANTS, LONGEST_NAME, WHOLE = 10, 20, 100
# The hash is read as one of so many places, a hundred to a percent.
PLACES: Final = 10_000


def check(split: object) -> None:
    """Raise ValidationError, on "split", unless it is {} or {name: whole percent} of at least two names, 100 in all."""
    if not split and isinstance(split, dict):
        return
    whole = isinstance(split, dict) and all(type(percent) is int and percent >= 0 for percent in split.values())
    if not isinstance(split, dict) or not whole or sum(split.values()) != WHOLE:
        raise ValidationError({"split": _("A split names its parts with whole percents that add up to 100.")})
    if not 2 <= len(split) <= MOST_VARIANTS or any(len(name) > LONGEST_NAME for name in split):
        raise ValidationError({"split": _("A split has two to ten parts, with names of at most 20 characters.")})
    try:
        for name in split:
            validate_slug(name)
    except ValidationError as error:
        raise ValidationError({"split": error.messages}) from error


def thresholds(split: Mapping[str, int]) -> tuple[list[str], list[int]]:
    """The parts in order of their names, and below which place of the hash each ends; parts of nothing are left out."""
    names = sorted(name for name in split if split[name])
    ends = [sum(split[one] for one in names[: place + 1]) * PLACES // WHOLE for place in range(len(names))]
    return names, ends


def draw(segment: Segment, as_of: datetime, profiles: Sequence[UUID] | None = None) -> None:
    """Draw for the members (of these profiles) that have no part yet. In the transaction that lets them enter."""
    if segment.split:
        names, ends = thresholds(segment.split)
        about = {"segment": segment.pk, "as_of": as_of, "names": names, "ends": ends}
        some = None if profiles is None else list(profiles)
        execute(sql.DRAW, about | {"profiles": some, "places": PLACES})


def variants(segment: Segment, profiles: Collection[UUID] | str) -> dict[UUID, str]:
    """The parts of a split segment that these profiles (also an array) are in, of those that have one."""
    if not (segment.split and profiles):
        return {}
    asked = profiles if isinstance(profiles, str) else list(profiles)
    return dict(fetch(sql.VARIANTS, {"segment": segment.pk, "profiles": asked}))


def held_out(segment: Segment, profiles: Collection[UUID] | str) -> set[UUID]:
    """Those of these profiles (also an array) whom nobody contacts for this segment."""
    return {profile for profile, variant in variants(segment, profiles).items() if variant == HOLDOUT}


def sizes(segment: Segment) -> dict[str, int]:
    """How many members are in each part."""
    return dict(fetch(sql.VARIANT_SIZES, {"segment": segment.pk})) if segment.split else {}
