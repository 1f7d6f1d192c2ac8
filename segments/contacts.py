"""Contact values on their way out: of whom consent allows, through memory only."""

from collections.abc import Collection
from uuid import UUID

from cdp.profiles import queries as profiles
from consent.suppression import releasable


def released(members: Collection[UUID] | str, kind: str) -> dict[UUID, str]:
    """The best usable contact value of this kind of each of these profiles (also an array) that has one, without what the
    suppression list holds back. Consent has been asked by the caller."""
    return releasable(profiles.contact_values(members, kind), kind)
