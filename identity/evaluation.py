"""How good the profiles are: against a known truth, or as stewards' verdicts on drawn pairs say."""

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final
from uuid import UUID

from identity import casework, online, queries
from identity.linkage.evaluate import Quality, evaluate
from identity.models import ReviewCase, Verdict

# The normal quantile of a two-sided interval of 95%.
_Z: Final = 1.959964
_PERSONS_A_STEP: Final = 5_000


def evaluate_truth(file: Path) -> tuple[Quality, int]:
    """Quality against a CSV of source, external_id, person; and how many of its records are unknown here.

    Unknown records count as profiles of their own, so that missing ones cost recall. KeyError for a missing column,
    ValueError for a file that is no text or names no record: nothing to measure would look like a perfect result.
    """
    truth = _read(file)
    found: dict[Hashable, Hashable] = {
        (source, external_id): profile
        for profile, source, external_id in queries.assignments()
        if (source, external_id) in truth
    }
    missing = [record for record in truth if record not in found]
    if not found:
        raise ValueError("none of its records is known here: write source and external_id as they were imported")
    found.update((record, record) for record in missing)
    return evaluate(found, truth), len(missing)


def _read(file: Path) -> dict[Hashable, Hashable]:
    with file.open(encoding="utf-8-sig", newline="") as handle:
        truth: dict[Hashable, Hashable] = {
            (row["source"], row["external_id"]): row["person"] for row in csv.DictReader(handle)
        }
    if not truth or None in truth.values():
        raise ValueError("no record, or a line without its person")
    return truth


def recall_ceiling(file: Path) -> float | None:
    """The share of a truth's pairs that any model could find: their records share an identifier, or a blocking key that is
    in use. None where no person has two records. Raises as `evaluate_truth`; before the first run there are no keys."""
    truth = _read(file)
    persons: dict[Hashable, list[UUID]] = defaultdict(list)
    for record, _profile, source, external_id in queries.named_records():
        if (source, external_id) in truth:
            persons[truth[source, external_id]].append(record)
    several = [records for records in persons.values() if len(records) > 1]
    reached = Counter[bool]()
    for start in range(0, len(several), _PERSONS_A_STEP):
        part = several[start : start + _PERSONS_A_STEP]
        shared = online.shared_by([record for records in part for record in records])
        for records in part:
            reached.update(not shared[one].isdisjoint(shared[other]) for one, other in combinations(records, 2))
    pairs = reached.total()
    return reached[True] / pairs if pairs else None


# --- by verdicts ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A pair that a run drew with probability `inclusion`; whether it is one person, None before a verdict."""

    run: UUID
    inclusion: float
    same: bool | None


@dataclass(frozen=True)
class Estimate:
    """An estimated share with its interval of 95%, from `verdicts` on `drawn` pairs."""

    share: float
    low: float
    high: float
    verdicts: int
    drawn: int


@dataclass(frozen=True)
class Verdicts:
    """What stewards' verdicts say. `precision`: the share of automatic links between one person's records; `missed`: the
    share of near misses that are; None before the first verdict on a drawn pair. `agreed` of `compared` verdicts say what
    the model found likelier; `by_reason`: reason of the case → word → verdicts."""

    precision: Estimate | None
    missed: Estimate | None
    agreed: int
    compared: int
    by_reason: dict[str, Counter[str]]


def evaluate_verdicts() -> Verdicts:
    """Quality as stewards see it. Only drawn pairs are estimated from: the others were chosen because they are hard."""
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for reason, word in Verdict.objects.values_list("case__reason", "word"):
        told[reason][word] += 1
    merges, misses = (estimate(_drawn(stratum)) for stratum in (ReviewCase.Stratum.MERGE, ReviewCase.Stratum.NEAR_MISS))
    agreed, compared = casework.agreement()
    return Verdicts(merges, misses, agreed, compared, dict(sorted(told.items())))


def _drawn(stratum: ReviewCase.Stratum) -> list[Drawn]:
    settled = dict(casework.settled().filter(stratum=stratum).values_list("pk", "state"))
    rows = ReviewCase.objects.filter(stratum=stratum).values_list("pk", "run", "inclusion")
    return [
        Drawn(run, inclusion, settled[pk] == ReviewCase.State.SAME if pk in settled else None)
        for pk, run, inclusion in rows
        if run and inclusion
    ]


def estimate(drawn: Sequence[Drawn]) -> Estimate | None:
    """The share of pairs that are one person: each verdict weighs as many pairs as it stands for, the inverse of its
    probability of being drawn (Horvitz and Thompson 1952, as the ratio of Hájek 1971). None without a verdict.

    Pairs still waiting stand in the queue at random, so those of their run that are answered stand for them too. The
    interval is Wilson's (1927) for as many verdicts as equal weights would need (Kish 1965; for surveys: Korn and Graubard
    1998); it takes the pairs linked as endless, which is on the safe side.
    """
    weights = list(_weights(drawn))
    if not weights:
        return None
    whole = sum(weight for weight, _ in weights)
    share = sum(weight for weight, same in weights if same) / whole
    worth = whole * whole / sum(weight * weight for weight, _ in weights)
    return Estimate(share, *wilson(share, worth), len(weights), len(drawn))


def _weights(drawn: Sequence[Drawn]) -> Iterable[tuple[float, bool]]:
    """(pairs that it stands for, verdict) of each answered pair."""
    asked = Counter(pair.run for pair in drawn)
    answered = Counter(pair.run for pair in drawn if pair.same is not None)
    for pair in drawn:
        if pair.same is not None:
            yield asked[pair.run] / answered[pair.run] / pair.inclusion, pair.same


def wilson(share: float, number: float) -> tuple[float, float]:
    """Wilson's score interval of 95% for a share seen in `number` trials."""
    spread = _Z * _Z / number
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / number + spread / number / 4)
    return max(0.0, middle - half), min(1.0, middle + half)
