"""The batch run: train the first model, score everything with Splink, cluster whatever the new evidence touches.

Reads and computes outside any transaction; writes in small ones. Clear values live in memory only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _
from pyarrow import compute

from cdp.core import touched
from cdp.core.errors import Refused
from cdp.core.extras import need_spark
from cdp.core.statements import column, execute, fetch
from cdp.core.types import now
from identity import cleaning, online, queries, registry, review, snapshot, sql
from identity.actions import SYSTEM, recluster
from identity.assign import Plan
from identity.linkage import cluster, normalise
from identity.linkage import score as linkage_score
from identity.linkage import train as linkage_train
from identity.linkage.model import Model, with_thresholds
from identity.models import LinkageModel, ResolutionRun, ReviewCase
from identity.snapshot import Snapshot, SnapshotReading
from identity.types import Cleaned, Edge

# Components are written in transactions of about this many records.
BATCH = 2_000
# What decides besides the model: when it changes, the next run looks at everybody again.
RULES = f"{normalise.VERSION}.{cluster.VERSION}"
Report = Callable[[str], None]
Score = Callable[[Any, Model, float | None], linkage_score.Scored]
# Puts a model to use, once no other run is under way.
Promotion = Callable[[], None]


def resolve(
    report: Report = lambda step: None,
    *,
    retrain: bool | None = None,
    promote: Promotion | None = None,
    engine: str = "duckdb",
) -> ResolutionRun:
    """Score all records with the live model, and give every record its profile; returns the run.

    `promote` puts another model to use first. Without it, `retrain` says whether a model is trained and put to use at
    once, untried: None for only while there is none, or only the packaged one, for want of records. `engine`: what
    scores, as of `scoring`; training stays in this process.

    Can be killed at any moment and run again: links are replaced in one transaction, components one batch at a time.
    What changes meanwhile is linked again when it is done. Raises `Refused`: `running` beside another run, `engine`.
    """
    score = scoring(engine)
    with alone():
        if promote:
            promote()
            retrain = False
        return _resolve(report, retrain, score)


def scoring(engine: str) -> Score:
    """What scores pairs on "duckdb" or "spark", with the same weights. Raises `Refused`, `engine`, without what it needs."""
    if engine == "duckdb":
        return linkage_score.score
    need_spark()
    from identity.linkage import spark

    return spark.score


@contextmanager
def alone() -> Iterator[None]:
    """As long as no batch run is under way. Raises `Refused`, `running`, beside one."""
    if column(sql.BEGIN_RUN) != [True]:
        raise Refused("running", _("Another run is under way: wait until it is done."))
    try:
        yield
    finally:
        execute(sql.END_RUN)


def _resolve(report: Report, retrain: bool | None, score: Score) -> ResolutionRun:
    run = _begin()
    report("reading")
    waiting = touched.waiting("links")
    read = snapshot.taken(queries.person_records(), partial(_indexed, report))
    report("training")
    if retrain or (retrain is None and not registry.is_learnt()):
        registry.make_live(SYSTEM, trained(read.table))
    model_id, model = queries.live_model()
    report("scoring")
    scored = score(read.table, model, model.review - review.NEAR)
    linked, likely = (_number_weighing(scored.edges, bits) for bits in (model.link, model.review))
    report("linking")
    seeds = _replace_links(scored.edges[:linked], model_id, waiting)
    changed = _recluster_all(seeds if _was_applied(run, model_id) else list(read.place), read, run.pk, report)
    _open_gray(scored.edges[linked:likely])
    _draw(run.pk, scored.edges, linked)
    blocked = {item.rule: item.pairs for item in scored.blocked}
    return _finish(
        run, model_id, records=len(read.place), pairs=sum(blocked.values()), links=linked, **_ceiling(scored), **changed
    )


def _begin() -> ResolutionRun:
    run = ResolutionRun.objects.create()
    with transaction.atomic():
        execute(sql.LOCK)  # whoever writes records after this knows of the run
        touched.drop(touched.waiting("relink"))  # of a run that was killed; this one reads them
    return run


def cleaned(persons: list[UUID]) -> Any:
    """The table of what these records say now, cleaned for comparing."""
    return snapshot.taken(persons).table


def _indexed(report: Report, persons: list[UUID]) -> list[Cleaned]:
    """Records as linkage compares them; those that were folded under earlier rules get the blocking keys of these."""
    read = cleaning.read(persons)
    if stale := [record.id for record in read if record.stale]:
        report(f"indexing {len(stale):,} more")
        online.keep_all_keys(stale)
    return read


def trained(table: Any, **thresholds: float | None) -> LinkageModel:
    """A model trained on a table of `cleaned` records, kept as a draft. Its `link` and `review` thresholds are those of
    the live model unless given. Raises ValueError as `with_thresholds`."""
    given = {name: bits for name, bits in thresholds.items() if bits is not None}
    learnt = linkage_train.training(table)
    model = with_thresholds(learnt.model, **{**registry.live_thresholds(), **given})
    return registry.keep(model, recall=learnt.recall)


def _was_applied(run: ResolutionRun, model: UUID | None) -> bool:
    """Whether the run before this one was finished, and under the same model and rules, so that only new evidence can
    change profiles. One that was killed may have applied another model to some."""
    before = ResolutionRun.objects.exclude(pk=run.pk).order_by("pk").last()
    return before is not None and bool(before.finished_at) and (before.model_id, before.rules) == (model, RULES)


def _lines(scored: Any) -> str:
    """A batch of scored pairs as COPY reads it, without a call in Python for each."""
    levels = [
        (f'"{gamma.removeprefix("gamma_")}": ', compute.cast(scored[gamma], "string")) for gamma in linkage_score.GAMMAS
    ]
    parts = [part for name, level in levels for part in (", ", name, level)][1:]
    told = compute.binary_join_element_wise("{", *parts, "}", "")
    weights = compute.cast(scored["weight"], "string")
    rows = compute.binary_join_element_wise(scored["left"], scored["right"], weights, told, "\t")
    return "".join(f"{row}\n" for row in rows.to_pylist())


def _edge(row: dict[str, Any]) -> Edge:
    levels = {name.removeprefix("gamma_"): value for name, value in row.items() if name.startswith("gamma_")}
    return Edge(UUID(row["left"]), UUID(row["right"]), row["weight"], levels)


@transaction.atomic
def _replace_links(scored: Any, model: UUID | None, waiting: list[int]) -> list[UUID]:
    """Make these pairs the only probable links, and have all that was linked since the records were read linked again.

    `waiting`: what waited for its links before that, has them now, and is to be clustered next. Returns all records that
    wait to be clustered, among them the ends of all links that came, changed or went.
    """
    execute(sql.LOCK)
    execute(sql.STAGE_LINKS)
    with connection.cursor() as cursor, cursor.copy(sql.COPY_LINKS) as copy:
        for part in scored.to_batches(BATCH):
            copy.write(_lines(part))
    execute("analyze fresh_link")
    changed = [*fetch(sql.DROP_STALE_LINKS), *fetch(sql.SAVE_LINKS, [model])]
    execute("drop table fresh_link")
    touched.touch("identity", {record for pair in changed for record in pair})
    touched.leave_to(waiting, "identity")
    touched.hand_over("relink", "links")
    return touched.subjects("identity")


def _recluster_all(records: list[UUID], read: Snapshot, run: UUID, report: Report) -> dict[str, int]:
    waiting = dict.fromkeys(records)
    counts = {"merged": 0, "created": 0, "split": 0}
    while waiting:
        seeds = list(islice(waiting, BATCH))
        plan = _recluster(seeds, read, run)
        for record in (*plan.profile_of, *seeds):
            waiting.pop(record, None)
        counts["merged"] += len(plan.merged)
        counts["created"] += len(plan.created) - len(plan.split)
        counts["split"] += len(plan.split)
        report(f"clustering {len(records) - len(waiting):,} of {len(records):,}")
    return counts


@transaction.atomic
def _recluster(seeds: list[UUID], read: Snapshot, run: UUID) -> Plan:
    execute(sql.LOCK)  # before anything is read: nobody else folds and clusters until the transaction ends
    return recluster(seeds, run=run, reading=SnapshotReading(read))


def _open_gray(scored: Any) -> None:
    for part in scored.to_batches(BATCH):
        edges = [_edge(row) for row in part.to_pylist()]
        with transaction.atomic():
            review.open_gray(edges)
            review.retire([edge.left for edge in edges])
            review.rank([edge.left for edge in edges])


@transaction.atomic
def _draw(run: UUID, edges: Any, linked: int) -> None:
    """Have stewards look at a few pairs drawn from those that were linked, the first so many, and from those that nearly
    were."""
    strata = {ReviewCase.Stratum.MERGE: edges[:linked], ReviewCase.Stratum.NEAR_MISS: edges[linked:]}
    for stratum, frame in strata.items():
        places = review.draw(run, stratum, frame.num_rows)
        drawn = frame.take(places).to_pylist() if places else []
        review.open_drawn(run, stratum, [_edge(row) for row in drawn], frame.num_rows)


def _number_weighing(edges: Any, least: float) -> int:
    """How many of the scored pairs, which stand heaviest first, weigh at least so many bits."""
    return compute.sum(compute.greater_equal(edges["weight"], least)).as_py() or 0


def _ceiling(scored: linkage_score.Scored) -> dict[str, float]:
    return {} if scored.ceiling is None else {"ceiling": round(scored.ceiling, 4)}


def _finish(run: ResolutionRun, model: UUID | None, **counts: float) -> ResolutionRun:
    run.model_id, run.finished_at, run.counts, run.rules = model, now(), counts, RULES
    run.save()
    return run
