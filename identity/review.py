"""What a steward should look at, and in which order.

Cases are pairs that the model is not sure of, unions that a constraint refused, weak links that alone hold a profile
together, and a random sample of what was linked and of what was nearly linked. The queue is ordered by uncertainty ×
impact (uncertainty sampling: Lewis and Gale 1994); the sample has one place in it whatever its pairs weigh.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from random import Random
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from cdp.core.errors import Refused
from cdp.core.statements import by_number, column, execute_over, prepared
from cdp.core.types import Actor, now, uuid7
from identity import bridges, casework, review_sql, sql
from identity.linkage.types import Refusal
from identity.models import ReviewCase, Sample, Verdict
from identity.types import Edge

# Refusals that a person can settle; the others follow from rules that need nobody.
WORTH_A_LOOK: Final = frozenset(
    {"birth dates", "given names", "gender", "identifiers", "recycled number", "gray zone", "no name"}
)
# Why a case is open that no refusal opened.
BRIDGE: Final = "bridge"
DRAWN: Final = {ReviewCase.Stratum.MERGE: "automatic merge", ReviewCase.Stratum.NEAR_MISS: "near miss"}

# A link of fewer bits than this above the model's threshold is weak.
WEAK: Final = 4.0
# Links of more than this are not asked about, whatever the threshold.
STRONG: Final = 12.0
# Pairs of fewer bits than this below the review threshold are no near misses.
NEAR: Final = 2.0
# More records than this and a profile has no more impact: clustering lets none grow larger by itself.
MOST_IMPACT: Final = 30
# Where drawn cases stand: after unsure pairs of large profiles, before those of single records (2 at most); and within
# which width they are shuffled.
DRAWN_PRIORITY: Final = 2.5
DRAWN_WIDTH: Final = 0.1


# --- opening and closing ----------------------------------------------------------------------------------------------


def follow(refused: Iterable[Refusal], records: Collection[UUID], link: float) -> None:
    """What the clustering of these whole components leaves to stewards: cases to open, to close, to put in order. `link`:
    the model's threshold in bits."""
    open_refused(refused)
    _open_bridges(list(records), link + WEAK)
    retire(records)
    rank(records)


def open_refused(refused: Iterable[Refusal]) -> None:
    """Review cases for unions that a constraint refused."""
    rows = [
        (uuid7(), UUID(r.link.left), UUID(r.link.right), r.reason, r.link.weight, Jsonb({"rank": r.link.rank}))
        for r in refused
        if r.reason in WORTH_A_LOOK
    ]
    execute_over(review_sql.SAVE_CASES, _one_a_pair(rows))


def _one_a_pair(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    best: dict[frozenset[UUID], tuple[Any, ...]] = {}
    for row in sorted(rows, key=lambda row: (row[4], row[3]), reverse=True):
        best.setdefault(frozenset(row[1:3]), row)
    return list(best.values())


def open_gray(edges: Iterable[Edge]) -> None:
    """Review cases for pairs that the model finds likely but not sure. Their place in the queue is given by `rank`."""
    execute_over(
        review_sql.SAVE_CASES,
        [(uuid7(), edge.left, edge.right, "gray zone", edge.weight, Jsonb(edge.levels)) for edge in edges],
    )


def retire(records: Collection[UUID]) -> None:
    """Close the open cases of pairs of these records that are in one profile: nothing is left to decide."""
    prepared(review_sql.RETIRE_CASES, {"records": by_number(set(records))})


def rank(records: Collection[UUID]) -> None:
    """Give the cases of these records' profiles their place in the queue, and cover those that another one asks about."""
    places = {"most": MOST_IMPACT, "drawn": DRAWN_PRIORITY, "width": DRAWN_WIDTH}
    prepared(review_sql.RANK_CASES, {"records": by_number(set(records)), **places})


# --- bridges ----------------------------------------------------------------------------------------------------------


def _open_bridges(records: list[UUID], most: float) -> None:
    """Review cases for the weak links of these components without which a profile would fall apart, one part of it at
    least holding together by itself; those that are none any more are closed."""
    found = list(_bridges(records, most))
    execute_over(
        review_sql.OPEN_BRIDGES, [(uuid7(), left, right, weight, levels) for left, right, weight, levels in found]
    )
    lefts, rights = [row[0] for row in found], [row[1] for row in found]
    prepared(review_sql.RETIRE_BRIDGES, {"records": records, "lefts": lefts, "rights": rights})


def _bridges(records: list[UUID], most: float) -> Iterable[tuple[UUID, UUID, float, Jsonb]]:
    by_profile: dict[UUID, list[tuple[Any, ...]]] = defaultdict(list)
    for row in prepared(review_sql.WEAK_LINKS, {"records": records, "most": min(most, STRONG)}):
        by_profile[row[4]].append(row)
    if not by_profile:
        return
    for profile, evidence in _evidence(list(by_profile)).items():
        yield from _bridges_among(by_profile[profile], *evidence)


Evidence = tuple[list[tuple[UUID, UUID]], list[tuple[UUID, bytes]]]


def _evidence(profiles: list[UUID]) -> dict[UUID, Evidence]:
    """The links within each profile, and who holds which identifier value."""
    home = dict(prepared(review_sql.PERSONS_OF, {"profiles": profiles}))
    found: dict[UUID, Evidence] = {profile: ([], []) for profile in profiles}
    for left, right, kind, _weight in prepared(sql.LINKS, {"records": list(home)}):
        if kind != "cannot" and home[left] == home[right]:
            found[home[left]][0].append((left, right))
    for record, kind, digest, *_seen in prepared(sql.IDENTIFIERS, [list(home)]):
        found[home[record]][1].append((record, kind.encode() + bytes(digest)))
    return found


def _bridges_among(
    weak: list[tuple[Any, ...]], links: list[tuple[UUID, UUID]], held: list[tuple[UUID, bytes]]
) -> Iterable[tuple[UUID, UUID, float, Jsonb]]:
    graph = bridges.graph_of(links, held)
    for left, right, weight, levels, _profile in weak:
        parts = bridges.parts_without(graph, (left, right), links.index((left, right)))
        if parts and max(parts) > 1:
            yield left, right, weight, Jsonb(levels)


# --- drawing ----------------------------------------------------------------------------------------------------------


def wanted(stratum: ReviewCase.Stratum) -> int:
    """How many pairs of a stratum are to be drawn: what the setting allows, less those still open."""
    return max(0, int(settings.REVIEW_SAMPLE) - ReviewCase.objects.filter(state="open", stratum=stratum).count())


def draw(run: UUID, stratum: ReviewCase.Stratum, size: int) -> list[int]:
    """The places of the pairs that a run draws out of `size`, uniformly and without replacement, in random order."""
    number = min(wanted(stratum), size)
    return Random(f"{run} {stratum}").sample(range(size), number)  # noqa: S311 - a survey's chance, nobody's secret


def open_drawn(run: UUID, stratum: ReviewCase.Stratum, edges: Collection[Edge], size: int) -> None:
    """Review cases for the pairs drawn out of `size`, as far as they belong to the stratum and nobody has decided them.

    Each was drawn with the same probability, which is exact for the stratum too, as for any part of what was drawn from
    (a domain: Särndal, Swensson and Wretman 1992, chapter 10).
    """
    drawn = (stratum.value, len(edges) / max(size, 1), run)
    rows = [
        (uuid7(), *sorted((edge.left, edge.right)), DRAWN[stratum], edge.weight, Jsonb(edge.levels), *drawn)
        for edge in edges
    ]
    if rows:
        Sample.objects.create(run=run, stratum=stratum, pairs=size, drawn=len(rows))
    execute_over(review_sql.OPEN_DRAWN, rows)
    rank({edge.left for edge in edges})


# --- stewards ---------------------------------------------------------------------------------------------------------


def hand_out(actor: Actor) -> UUID:
    """The case that a steward has and did not decide, else the first of the queue. Raises `Refused`: `daily_limit`,
    `nothing_to_review`."""
    mine = ReviewCase.objects.filter(state="open", assignee=actor.name, assigned_at__gte=casework.today())
    held = mine.order_by("-priority", "id").values_list("pk", flat=True).first()
    if held:
        return held
    _need_room(actor)
    found = column(review_sql.HAND_OUT, {"actor": actor.name, "now": now(), "today": casework.today()})
    if not found:
        raise Refused("nothing_to_review", _("There is no case for you to review."))
    return UUID(str(found[0]))


def take(actor: Actor, pk: UUID) -> ReviewCase:
    """The open case that a steward is about to decide, locked, theirs from now on. Raises `Refused`: `not_found`;
    `case_closed`; `second_steward` to whom was not sure of it before; `assigned_elsewhere`; `daily_limit`."""
    case = ReviewCase.objects.select_for_update().filter(pk=pk).first()
    if case is None:
        raise Refused("not_found", _("There is no such review case."))
    if case.state != ReviewCase.State.OPEN:
        raise Refused("case_closed", _("This case is decided already, or nothing is left to decide."))
    if case.verdicts.filter(actor=actor.name).exists():
        raise Refused("second_steward", _("You were not sure of this case: another steward decides it."))
    held = case.assigned_at is not None and case.assigned_at >= casework.today()
    if held and case.assignee not in ("", actor.name):
        raise Refused("assigned_elsewhere", _("Another steward has this case today."))
    if not held or case.assignee != actor.name:
        _need_room(actor)
        case.assignee, case.assigned_at = actor.name, now()
    return case


def _need_room(actor: Actor) -> None:
    limit = int(settings.REVIEW_DAILY_LIMIT)
    if casework.handed_out(actor) >= limit:
        raise Refused("daily_limit", _("You have had today's %(limit)s cases: go on tomorrow.") % {"limit": limit})


def doubt(case: ReviewCase) -> None:
    """Leave a case that a steward is not sure of to another; after two such words it is closed undecided."""
    if case.verdicts.filter(word=Verdict.Word.NOT_SURE).count() > 1:
        case.state, case.decided_at = ReviewCase.State.UNDECIDED, now()
    else:
        case.assignee, case.assigned_at = "", None
    case.save()
    rank([case.left])  # another case of the same two profiles may be clearer
