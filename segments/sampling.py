"""Counts of a rule among many profiles: exact where that is cheap, else by a sample and with its margin of error."""

import time
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt
from uuid import UUID

from django.conf import settings
from django.db import connection

from cdp.core.statements import column, fetch
from segments import sql

SAMPLE, FRESH_SECONDS = 10_000, 60
# Among so many profiles everybody's consent is read at once; among more that of a segment's members, of about so many.
ALL_PROFILES, SOME_MEMBERS = 20_000, 1_000
# Of a normal distribution: so far off are 5 of 100 estimates, and (by the rule of three) what nobody of the sample fits.
DEVIATIONS, OF_NONE = 1.96, 3.0


@dataclass(frozen=True)
class Drawn:
    """Live profiles drawn at random, each with the same `chance` (0–1)."""

    profiles: list[UUID]
    chance: float

    def estimate(self, hits: int) -> int:
        """How many of all profiles fit where so many of the sample do."""
        return round(hits / self.chance)

    def margin(self, hits: int) -> int:
        """How far that may be off: in 95 of 100 samples it is no further."""
        deviation = OF_NONE if not hits else DEVIATIONS * sqrt(hits * (1 - self.chance))
        return ceil(deviation / self.chance) if self.chance < 1 else 0


def drawn() -> Drawn | None:
    """A sample, the same one while profiles stay the same; None where all can be asked at once."""
    about = _about()
    if about <= settings.PREVIEW_EXACT_UP_TO:
        return None
    return _drawn(
        min(1.0, SAMPLE / about), int(time.monotonic() // FRESH_SECONDS), str(connection.settings_dict["NAME"])
    )


@lru_cache(maxsize=2)
def _drawn(chance: float, minute: int, database: str) -> Drawn:
    return Drawn(column(sql.SAMPLED_PROFILES, {"share": 100 * chance}), chance)


def members_drawn(segment: UUID, size: int) -> Drawn | None:
    """A sample of the members of a segment, which has so many, or all of a few; None among few profiles."""
    if _about() <= ALL_PROFILES:
        return None
    drawn = min(sql.LOTS, max(1, sql.LOTS * SOME_MEMBERS // max(1, size)))
    return Drawn(column(sql.SAMPLED_MEMBERS, {"segment": segment, "drawn": drawn}), drawn / sql.LOTS)


def _about() -> int:
    """How many profiles there are, as far as PostgreSQL knows."""
    return int(fetch(sql.ABOUT_HOW_MANY_PROFILES)[0][0])
