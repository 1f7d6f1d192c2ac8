"""A dry run: what a batch run with another model would change, found by the same code and written nowhere.

Components are clustered a batch at a time under the identity lock, as the run does it; between batches the world may
move, and a leaf that would follow its owner through two changes counts as the first of them.
"""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from cdp.core.statements import by_number, column, execute
from identity import cleaning, component, explanation, queries, registry, resolution, sql
from identity.assign import Plan, assign
from identity.clusters import StoredLink
from identity.component import Component
from identity.linkage import score
from identity.linkage.charts import unlinkable
from identity.linkage.model import Model
from identity.models import Link, LinkageModel, ReviewCase
from identity.reading import Reading
from identity.resolution import BATCH, Report
from identity.review import WORTH_A_LOOK
from identity.types import Cleaned, Compared, OpenRecord

# Examples of each kind of change.
EXAMPLES: Final = 10
KINDS: Final = ("merged", "split", "moved")
Pair = tuple[UUID, UUID]


@dataclass(frozen=True)
class Example:
    """A profile that would merge into another, or a part of it that would split off or move to another, and the two
    records that tell why.

    `weight` and `comparisons`: what the tried model says of the two (bits, prior included); `before`: the weight of their
    present probable link; `refused`: the constraint that keeps them apart.
    """

    kind: str
    profile: UUID
    other: UUID | None
    left: UUID
    right: UUID
    weight: float
    before: float | None
    refused: str
    comparisons: tuple[Compared, ...]


@dataclass(frozen=True)
class Trial:
    """What would change. `merged`, `split` and `created` as in the counts of a run; `moved`: parts that would go to
    another profile while theirs lives on; of the present `profiles`, `unchanged` would keep just their records.
    `opened`: review cases of unsure pairs and of refused unions that would be new, also where another asks about the same
    two profiles; beside bridges and what is drawn.

    `histogram`: pairs by whole bits of weight, from the review threshold on; `unlinkable`: (weight, share of the records
    that know too little to reach it even against themselves).
    """

    version: str
    records: int
    pairs: int
    links: int
    profiles: int
    merged: int
    split: int
    moved: int
    created: int
    unchanged: int
    largest_before: int
    largest_after: int
    opened: int
    histogram: dict[int, int]
    unlinkable: list[tuple[float, float]]
    examples: tuple[Example, ...]

    def told(self) -> dict[str, Any]:
        """As JSON, without what would tell how frequent a person's values are."""
        told = asdict(self)
        told["histogram"] = {str(bits): pairs for bits, pairs in self.histogram.items()}
        told["examples"] = [_told(example) for example in self.examples]
        return told


def _told(example: Example) -> dict[str, Any]:
    ids = {name: value and str(value) for name, value in vars(example).items() if name in ("profile", "other")}
    ends = {"left": str(example.left), "right": str(example.right)}
    comparisons = [
        {"comparison": c.comparison, "level": c.level, "bits": round(c.bits, 2)} for c in example.comparisons
    ]
    return vars(example) | ids | ends | {"comparisons": comparisons}


# --- drafts and their trials ------------------------------------------------------------------------------------------


def train_draft(report: Report = lambda step: None, **thresholds: float | None) -> LinkageModel:
    """Train a model on all records and keep it as a draft. `link`, `review`: as `resolution.trained`.

    Raises `Refused`, `running`, beside a batch run; ValueError for thresholds that make no sense.
    """
    with resolution.alone():
        return resolution.trained(_table(report), **thresholds)


def train_and_try(report: Report = lambda step: None, **thresholds: float | None) -> tuple[LinkageModel, Trial]:
    """`train_draft` and `trial` over the same reading of the records."""
    with resolution.alone():
        table = _table(report)
        report("training")
        row = resolution.trained(table, **thresholds)
        return row, _tried(row, table, report)


def trial(row: LinkageModel, report: Report = lambda step: None) -> Trial:
    """What a batch run with this model would change now; noted with the model, and nothing else is written.

    Raises `Refused`: `running` beside a batch run, `model_unreadable`.
    """
    registry.opened(row)
    with resolution.alone():
        return _tried(row, _table(report), report)


def _table(report: Report) -> pa.Table:
    report("reading")
    return resolution.cleaned(queries.person_records())


def _tried(row: LinkageModel, table: pa.Table, report: Report) -> Trial:
    found = _try(registry.opened(row), table, report)
    registry.keep_trial(row, found.told())
    return found


def _try(model: Model, table: pa.Table, report: Report) -> Trial:
    report("scoring")
    scored = score.score(table, model)
    evidence = Supposed(model, scored.edges)
    profiles, largest = queries.live_profiles(), max(column(sql.LARGEST), default=0)
    tally = _tally(table, evidence, report)
    return Trial(
        version=model.version,
        records=table.num_rows,
        pairs=sum(item.pairs for item in scored.blocked),
        links=evidence.number,
        profiles=profiles,
        merged=tally.merged,
        split=tally.split,
        moved=tally.moved,
        created=tally.created,
        unchanged=profiles - len(tally.changed),
        largest_before=largest,
        largest_after=tally.largest,
        opened=_opened(tally, evidence),
        histogram=_histogram(scored.edges),
        unlinkable=unlinkable(table, model),
        examples=tuple(_examples(tally.sketches(), evidence)),
    )


def _histogram(edges: pa.Table) -> dict[int, int]:
    counted = pc.value_counts(pc.floor(edges["weight"])).to_pylist()
    return {int(row["values"]): row["counts"] for row in sorted(counted, key=lambda row: row["values"])}


# --- the supposed evidence --------------------------------------------------------------------------------------------


class Supposed(Reading):
    """The evidence of the tables, with another model's links in the place of the present probable ones."""

    def __init__(self, model: Model, edges: pa.Table) -> None:
        super().__init__()
        self._model, self.number = model, 0
        self.gray: list[Pair] = []
        self.linked: dict[UUID, list[tuple[UUID, float]]] = {}
        known: dict[str, UUID] = {}
        for left, right, weight in zip(*(edges[name].to_pylist() for name in ("left", "right", "weight")), strict=True):
            ends = known.setdefault(left, UUID(left)), known.setdefault(right, UUID(right))
            if weight < model.link:
                self.gray.append(ends)
            else:
                self._link(*ends, weight)

    def _link(self, left: UUID, right: UUID, weight: float) -> None:
        self.number += 1
        self.linked.setdefault(left, []).append((right, weight))
        self.linked.setdefault(right, []).append((left, weight))

    @property
    def model(self) -> Model:
        return self._model

    def cleaned(self, ids: Iterable[UUID]) -> list[Cleaned]:
        """Each time anew, for this reading outlives its transactions."""
        return cleaning.read(by_number(set(ids)))

    def component(self, seeds: Collection[UUID]) -> set[UUID]:
        found, fresh = set[UUID](), set(seeds)
        while fresh:
            grown = super().component(fresh)
            found |= grown
            fresh = {other for record in grown for other, _ in self.linked.get(record, ())} - found
        return found

    def links(self, records: list[UUID]) -> list[StoredLink]:
        among = set(records)
        kept = [link for link in super().links(records) if link.kind != Link.Kind.PROBABLE]
        return kept + [
            StoredLink(record, other, Link.Kind.PROBABLE, weight)
            for record in records
            for other, weight in self.linked.get(record, ())
            if record < other and other in among
        ]

    def strongest(self, one: Collection[UUID], rest: Collection[UUID]) -> Pair | None:
        """The ends of the strongest link between two sets of records."""
        across = [(-bits, a, b) for a in one for b, bits in self.linked.get(a, ()) if b in rest]
        return min(across)[1:] if across else None


# --- what would change ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sketch:
    """An example in the making: the records that would come, or go, and those that they would join, or leave. `lot`
    draws a fair sample of all, the same each time."""

    lot: bytes
    kind: str
    profile: UUID
    other: UUID | None
    one: set[UUID]
    rest: set[UUID]
    refused: Mapping[frozenset[UUID], str]


@dataclass
class Tally:
    """Counts over all components."""

    merged: int = 0
    split: int = 0
    moved: int = 0
    created: int = 0
    largest: int = 0
    changed: set[UUID] = field(default_factory=set)
    home: dict[UUID, UUID] = field(default_factory=dict)  # of the records that the model is not sure of
    apart: set[Pair] = field(default_factory=set)  # refused unions that a steward could settle
    drawn: dict[str, list[Sketch]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def add(self, found: Component, plan: Plan, unsure: Collection[UUID]) -> None:
        """Count what the plan for some whole components would do."""
        self.merged += len(plan.merged)
        self.split += len(plan.split)
        self.created += len(plan.created) - len(plan.split)
        self.largest = max([self.largest, *(len(cluster - found.leaves.keys()) for cluster in found.clusters)])
        self.changed |= _changed(found, plan)
        self.home |= {record: plan.profile_of[record] for record in plan.profile_of.keys() & unsure}
        self.apart |= _apart(found, plan)
        for sketch in _sketches(found, plan):
            drawn = self.drawn[sketch.kind]
            drawn[:] = heapq.nsmallest(EXAMPLES, [*drawn, sketch], key=lambda one: one.lot)
            self.moved += sketch.kind == "moved"

    def sketches(self) -> list[Sketch]:
        """Examples of every kind."""
        return [sketch for kind in KINDS for sketch in self.drawn[kind]]


def _tally(table: pa.Table, evidence: Supposed, report: Report) -> Tally:
    tally = Tally()
    unsure = {record for pair in evidence.gray for record in pair}
    for found, plan in _plans([UUID(text) for text in table["unique_id"].to_pylist()], evidence, report):
        tally.add(found, plan, unsure)
    return tally


def _plans(persons: list[UUID], evidence: Supposed, report: Report) -> Iterator[tuple[Component, Plan]]:
    """The components of all records, and which profiles a run would give them."""
    waiting = dict.fromkeys(persons)
    while waiting:
        seeds = list(islice(waiting, BATCH))
        found = _around(seeds, evidence)
        plan = assign(found.clusters, found.before, found.leaves, found.pinned, found.followed, found.inhabited)
        for record in (*plan.profile_of, *seeds):
            waiting.pop(record, None)
        yield found, plan
        report(f"trying {len(persons) - len(waiting):,} of {len(persons):,}")


@transaction.atomic
def _around(seeds: list[UUID], evidence: Supposed) -> Component:
    execute(sql.LOCK)
    return component.around(seeds, evidence)


def _changed(found: Component, plan: Plan) -> set[UUID]:
    """The present profiles that would gain or lose a record."""
    moves = ((was, plan.profile_of.get(record)) for record, was in found.before.items())
    touched = {profile for was, goes in moves if was != goes for profile in (was, goes) if profile}
    return touched.difference(plan.created)


def _apart(found: Component, plan: Plan) -> set[Pair]:
    ends = [(UUID(r.link.left), UUID(r.link.right)) for r in found.refused if r.reason in WORTH_A_LOOK]
    return {(min(pair), max(pair)) for pair in ends if plan.profile_of[pair[0]] != plan.profile_of[pair[1]]}


def _sketches(found: Component, plan: Plan) -> Iterator[Sketch]:
    """Every merge, split and move of a plan between persons."""
    persons = found.before.keys() - found.leaves.keys()
    moves = {record: (found.before[record], plan.profile_of.get(record)) for record in persons}
    groups, was_in, goes_to = _grouped(moves, (0, 1)), _grouped(moves, (0,)), _grouped(moves, (1,))
    refused = {frozenset((UUID(r.link.left), UUID(r.link.right))): r.reason for r in found.refused}
    for (was, goes), one in groups.items():
        if was and goes and was != goes:
            kind = _kind(plan, was, goes)
            if rest := (was_in[was,] if kind == "split" else goes_to[goes,]) - one:
                yield Sketch(_lot(one), kind, was, None if kind == "split" else goes, one, rest, refused)


def _grouped(moves: dict[UUID, Any], ends: tuple[int, ...]) -> dict[tuple[UUID | None, ...], set[UUID]]:
    """Records by where they come from, where they go, or both."""
    groups: dict[tuple[UUID | None, ...], set[UUID]] = defaultdict(set)
    for record, move in moves.items():
        groups[tuple(move[end] for end in ends)].add(record)
    return groups


def _kind(plan: Plan, was: UUID, goes: UUID) -> str:
    if plan.merged.get(was) == goes:
        return "merged"
    return "split" if goes in plan.created else "moved"


def _lot(records: Collection[UUID]) -> bytes:
    return blake2b(min(records).bytes, digest_size=8).digest()


def _opened(tally: Tally, evidence: Supposed) -> int:
    """Review cases that would be new: of what has a case, decided or not, none is opened again."""
    unsure = {pair for pair in evidence.gray if tally.home.get(pair[0]) != tally.home.get(pair[1])}
    wanted = unsure | tally.apart
    waiting = sorted(wanted)
    number = len(wanted)
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]
        known = ReviewCase.objects.filter(left__in={left for left, _ in batch}).values_list("left", "right")
        number -= len(set(batch) & set(known))
    return number


def _examples(sketches: Iterable[Sketch], evidence: Supposed) -> Iterator[Example]:
    """The examples of which both records are still there."""
    for sketch in sketches:
        pair = evidence.strongest(sketch.one, sketch.rest) if sketch.kind == "merged" else _held_by(sketch)
        ends = queries.open_records(pair or (min(sketch.one), min(sketch.rest)))
        if len(ends) == 2:
            yield _example(sketch, ends, evidence.model)


def _example(sketch: Sketch, ends: Sequence[OpenRecord], model: Model) -> Example:
    left, right = (end.id for end in ends)
    comparisons = explanation.compared(model, *ends)
    return Example(
        kind=sketch.kind,
        profile=sketch.profile,
        other=sketch.other,
        left=left,
        right=right,
        weight=explanation.prior(model) + sum(one.bits for one in comparisons),
        before=_stored_weight(left, right),
        refused=sketch.refused.get(frozenset((left, right)), ""),
        comparisons=comparisons,
    )


def _held_by(sketch: Sketch) -> Pair | None:
    """The ends of the strongest present link between both sides."""
    one, rest = list(sketch.one), list(sketch.rest)
    links = Link.objects.filter(kind=Link.Kind.PROBABLE).order_by("-weight", "left", "right")
    there = links.filter(left__in=one, right__in=rest) | links.filter(left__in=rest, right__in=one)
    return there.values_list("left", "right").first()


def _stored_weight(left: UUID, right: UUID) -> float | None:
    ends = {"left": min(left, right), "right": max(left, right)}
    return Link.objects.filter(kind=Link.Kind.PROBABLE, **ends).values_list("weight", flat=True).first()
