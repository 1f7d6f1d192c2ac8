"""When it happened: one rule for all libraries, small differences of clocks ignored, absurd ones flagged."""

from datetime import UTC, datetime, timedelta
from typing import Any

SMALL = timedelta(minutes=5)
ABSURD = timedelta(hours=24)
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
# Nothing was recorded before; the first year of all cannot even be shown in a zone west of Greenwich.
IMPOSSIBLE = datetime(1900, 1, 1, tzinfo=UTC)
_LAST_SECONDS = 10**11  # larger numbers are milliseconds


def read_time(value: Any) -> datetime | None:
    """A moment in UTC from ISO 8601 text (no zone: UTC) or seconds or milliseconds since 1970; None when it is none."""
    try:
        if type(value) is str:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        if type(value) is int or type(value) is float:
            return datetime.fromtimestamp(value if abs(value) < _LAST_SECONDS else value / 1000, UTC)
        if type(value) is datetime:
            return value
    except (ValueError, OverflowError, OSError):
        pass
    return None


def event_time(base: Any, sent: Any, received_at: datetime) -> tuple[datetime, datetime | None, tuple[str, ...]]:
    """(occurred, sent, flags): `base` + (received − sent), unless the clocks agree within `SMALL`.

    Flags: "clock" for a clock that is a day off or an impossible time, "time" for one that cannot be read. A time more
    than a day ahead, or before 1900, becomes the moment of receipt.
    """
    sent_at, moment = read_time(sent), read_time(base)
    if moment is None:
        return received_at, sent_at, () if base is None else ("time",)
    skew = received_at - sent_at if sent_at else timedelta(0)
    if abs(skew) > SMALL:
        moment = _shifted(moment, skew)
    occurred, flags = plausible(moment, received_at)
    return occurred, sent_at, ("clock",) if abs(skew) > ABSURD else flags


def plausible(moment: datetime, received_at: datetime) -> tuple[datetime, tuple[str, ...]]:
    """(occurred, flags): a time more than a day ahead or before 1900 becomes the moment of receipt, one before 1990 is
    flagged."""
    if moment - received_at > ABSURD or moment < IMPOSSIBLE:
        return received_at, ("clock",)
    return moment, ("clock",) if moment < EARLIEST else ()


def _shifted(moment: datetime, skew: timedelta) -> datetime:
    try:
        return moment + skew
    except OverflowError:
        return moment
