"""Sequences in SQL: one pass over each profile's events for every step, whatever the history.

An event can be step i + 1 exactly if the *latest* event before it that can be step i fits: the later, the shorter the
time between and the less can lie between. So each step is one window aggregate over the rows before, never a join of
events with events. A frame from the first row on is kept up as it grows, where one that begins after the present row
is built anew for each: what follows a step is therefore read backwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlglot import exp

from segments.query.ast import Sequence, Step, Window
from segments.query.bounds import Clock
from segments.query.dialects import when
from segments.query.parameters import Parameters

PLACE, CAME, CAME_AT, BROKEN, ARRIVED, FOLLOWED_AT = "place", "came", "came_at", "broken", "arrived", "followed_at"
WORDS = frozenset({PLACE, CAME, CAME_AT, BROKEN, ARRIVED, FOLLOWED_AT})


@dataclass(frozen=True, slots=True)
class History:
    """Rows of `profile_id`, `occurred_at`, `place` (1, 2, … in the profile's order) and one flag for each step.

    `flags` names the column that says whether a row answers a step's description.
    """

    rows: exp.Select
    flags: Mapping[Step, str]


def numbered(rows: exp.Select, order: list[exp.Expr], *, newest_first: bool = False) -> exp.Select:
    """The rows with their place in the history of their profile, counted from its one end or the other."""
    keys = [exp.Ordered(this=key, desc=newest_first, nulls_first=False) for key in order]
    ordered = exp.Order(expressions=keys)
    place = exp.Window(this=exp.RowNumber(), partition_by=[exp.column("profile_id", "r")], order=ordered)
    return rows.select(place.as_(PLACE), copy=False)


def completed(
    node: Sequence, history: History, clock: Clock, parameters: Parameters, until: datetime | None = None
) -> exp.Select:
    """The profiles in whose history some choice of events makes up the sequence, its last step before `until`."""
    chain = _Chain(node, history, parameters)
    if until is not None:
        chain.end_before(until)
    if node.then_not is None:
        return _profiles(chain.rows).distinct(copy=False).where(chain.arrived(), copy=False)
    if node.silence is None:
        return _never_followed(chain, node.then_not)
    return _silent(chain, node.then_not, node.silence, clock)


class _Chain:
    """The history, and which of its rows can be the last step."""

    def __init__(self, node: Sequence, history: History, parameters: Parameters) -> None:
        self.node, self.flags, self.parameters = node, history.flags, parameters
        self.rows, self._arrived = history.rows, self.flag(node.steps[0])
        for step in node.steps[1:]:
            self._advance(step)

    def flag(self, step: Step) -> exp.Expr:
        """Whether a row answers the description."""
        return exp.column(self.flags[step], "e")

    def arrived(self) -> exp.Expr:
        """Whether a row can be the step reached so far."""
        return self._arrived.copy()

    def end_before(self, until: datetime) -> None:
        """Let the last step lie before a moment; what may not follow it lies also after."""
        early = exp.LT(this=_own("occurred_at"), expression=self.parameters.moment(until))
        self._arrived = exp.and_(self._arrived, early)

    def length(self, window: Window) -> exp.Expr:
        return self.parameters.duration(timedelta(seconds=window.seconds))

    def _advance(self, step: Step) -> None:
        """To each row the latest row before it that can be the step reached so far; then what may be the next step."""
        found = [_latest_before(self.arrived(), "place").as_(CAME)]
        fits = [self.flag(step), _not_null(CAME)]
        if self.node.within is not None:
            found.append(_latest_before(self.arrived(), "occurred_at").as_(CAME_AT))
            fits.append(exp.LTE(this=_elapsed("occurred_at", CAME_AT), expression=self.length(self.node.within)))
        if self.node.without is not None:
            found.append(_latest_before(self.flag(self.node.without), "place").as_(BROKEN))
            fits.append(exp.or_(_null(BROKEN), exp.LTE(this=_own(BROKEN), expression=_own(CAME))))
        kept = [_own(name) for name in ("profile_id", "occurred_at", PLACE, *self.flags.values())]
        self.rows = exp.select(*kept, *found).from_(self.rows.subquery("e"))
        self._arrived = exp.and_(*fits)


def _never_followed(chain: _Chain, forbidden: Step) -> exp.Select:
    """The latest possible last step is the best one: the fewest events come after it."""
    last, follower = (exp.Max(this=when(flag, _own(PLACE))) for flag in (chain.arrived(), chain.flag(forbidden)))
    none = exp.Coalesce(this=follower, expressions=[exp.Literal.number(0)])
    return _profiles(chain.rows).group_by(_own("profile_id")).having(exp.GTE(this=last, expression=none))


def _silent(chain: _Chain, forbidden: Step, silence: Window, clock: Clock) -> exp.Select:
    """Some possible last step, so long ago that the silence is over, has no such event within it."""
    follower = exp.Min(this=when(chain.flag(forbidden), _own("occurred_at")))
    followed = _over_rows_before(follower, descending=True).as_(FOLLOWED_AT)
    columns = [_own("profile_id"), _own("occurred_at"), chain.arrived().as_(ARRIVED), followed]
    rows = exp.select(*columns).from_(chain.rows.subquery("e"))
    over = exp.LT(this=_own("occurred_at"), expression=chain.parameters.moment(_ago(clock.now, silence)))
    later = exp.GT(this=_elapsed(FOLLOWED_AT, "occurred_at"), expression=chain.length(silence))
    return _profiles(rows).distinct().where(_own(ARRIVED), over, exp.or_(_null(FOLLOWED_AT), later))


def _ago(now: datetime, window: Window) -> datetime:
    return now - timedelta(seconds=window.seconds)


def _profiles(rows: exp.Select) -> exp.Select:
    return exp.select(_own("profile_id")).from_(rows.subquery("e"))


def _latest_before(flag: exp.Expr, column: str) -> exp.Expr:
    return _over_rows_before(exp.Max(this=when(flag, _own(column))), descending=False)


def _over_rows_before(aggregate: exp.Expr, *, descending: bool) -> exp.Expr:
    order = exp.Order(expressions=[exp.Ordered(this=_own(PLACE), desc=descending, nulls_first=descending)])
    frame = exp.WindowSpec(
        kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end=exp.Literal.number(1), end_side="PRECEDING"
    )
    return exp.Window(this=aggregate, partition_by=[_own("profile_id")], order=order, spec=frame)


def _own(name: str) -> exp.Expr:
    return exp.column(name, "e")


def _null(name: str) -> exp.Expr:
    return exp.Is(this=_own(name), expression=exp.null())


def _not_null(name: str) -> exp.Expr:
    return exp.Not(this=_null(name))


def _elapsed(until: str, since: str) -> exp.Expr:
    return exp.Sub(this=_own(until), expression=_own(since))
