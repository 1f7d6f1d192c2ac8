"""Contact values on their way out: of whom consent allows, through memory only."""

from collections.abc import Collection, Mapping
from uuid import UUID

from cdp.profiles import queries as profiles
from consent.suppression import releasable


def released(members: Collection[UUID] | str, kind: str) -> dict[UUID, str]:
    """The best usable contact value of this kind of each of these profiles (also an array) that has one, without what the
    suppression list holds back. Consent has been asked by the caller."""
    return releasable(profiles.contact_values(members, kind), kind)


def still_released(values: Mapping[UUID, str], kind: str) -> set[UUID]:
    """Of profiles whose contact values were released before, those whose value is still theirs, usable and held back by
    nobody. Consent has been asked by the caller."""
    return profiles.still_reached(values, kind) & releasable(values, kind).keys() if values else set()
