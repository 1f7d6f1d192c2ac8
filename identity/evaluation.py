"""How good the profiles are: against a known truth, or as stewards' verdicts on drawn pairs say."""

import csv
from collections import Counter, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final
from uuid import UUID

from identity import casework, online, queries
from identity.estimation import Draw, Drawn, Estimate, estimate, recall
from identity.linkage.evaluate import Quality, evaluate
from identity.models import LinkageModel, ResolutionRun, ReviewCase, Sample, Verdict

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
    in use. None where no person has two records. Raises as `evaluate_truth`."""
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
class Judged:
    """How good a version of the model is, as stewards' verdicts on pairs that its runs drew say.

    `precision`: the share of automatic links between one person's records; `missed`: the share of near misses that are;
    `recall`: the share linked of all compared pairs of one person, down to the near misses; None before there are
    verdicts to say so. `ceiling`: the share of matches that blocking lets be compared, as its last run reckoned.
    """

    model: str
    state: str
    precision: Estimate | None
    missed: Estimate | None
    recall: Estimate | None
    ceiling: float | None


@dataclass(frozen=True)
class Verdicts:
    """What stewards' verdicts say, by version of the model, the newest first. `agreed` of `compared` verdicts say what the
    model found likelier; `by_reason`: reason of the case → word → verdicts."""

    models: list[Judged]
    agreed: int
    compared: int
    by_reason: dict[str, Counter[str]]


def evaluate_verdicts() -> Verdicts:
    """Quality as stewards see it. Only drawn pairs are estimated from: the others were chosen because they are hard."""
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for reason, word in Verdict.objects.values_list("case__reason", "word"):
        told[reason][word] += 1
    agreed, compared = casework.agreement()
    return Verdicts(judged(), agreed, compared, dict(sorted(told.items())))


def judged(version: str | None = None) -> list[Judged]:
    """Estimates for each version whose runs drew pairs, the newest first; or for one."""
    runs = ResolutionRun.objects.filter(pk__in=ReviewCase.objects.filter(run__isnull=False).values("run"))
    if version is not None:
        runs = runs.filter(model__version=version)
    by_version: dict[str, list[UUID]] = defaultdict(list)
    for found, run in runs.order_by("-pk").values_list("model__version", "pk"):
        by_version[found or ""].append(run)
    return [_judged(found, newest_first) for found, newest_first in by_version.items()]


def _judged(version: str, runs: list[UUID]) -> Judged:
    merges, misses = (_drawn(stratum, runs) for stratum in (ReviewCase.Stratum.MERGE, ReviewCase.Stratum.NEAR_MISS))
    states = LinkageModel.objects.filter(version=version).order_by("-created_at").values_list("state", flat=True)
    ceilings = ResolutionRun.objects.filter(pk__in=runs, finished_at__isnull=False).order_by("-pk")
    return Judged(
        version,
        LinkageModel.State.LIVE if LinkageModel.State.LIVE in states else next(iter(states), ""),
        estimate(merges),
        estimate(misses),
        recall((merges, _draws(ReviewCase.Stratum.MERGE, runs)), (misses, _draws(ReviewCase.Stratum.NEAR_MISS, runs))),
        next((counts.get("ceiling") for counts in ceilings.values_list("counts", flat=True)), None),
    )


def _drawn(stratum: ReviewCase.Stratum, runs: list[UUID]) -> list[Drawn]:
    settled = dict(casework.settled().filter(stratum=stratum, run__in=runs).values_list("pk", "state"))
    rows = ReviewCase.objects.filter(stratum=stratum, run__in=runs).values_list("pk", "run", "inclusion")
    return [
        Drawn(run, inclusion, settled[pk] == ReviewCase.State.SAME if pk in settled else None)
        for pk, run, inclusion in rows
        if run and inclusion
    ]


def _draws(stratum: ReviewCase.Stratum, runs: list[UUID]) -> list[Draw]:
    return [
        Draw(*row) for row in Sample.objects.filter(stratum=stratum, run__in=runs).values_list("run", "pairs", "drawn")
    ]
