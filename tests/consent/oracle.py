"""The meaning of the ledger in plain Python, written from the rules alone: imports nothing of what it checks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

POINTS = {
    "email": "email", "sms": "phone", "alimtalk": "phone", "push": "push", "call": "phone", "post": "address",
    "ad_audience": "",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """`who` is a record's name, or None where only the contact point (kind, value) is named."""

    who: str | None
    contact: tuple[str, str] | None
    purpose: str
    channel: str | None
    brand: str
    state: str
    at: datetime
    expires_at: datetime | None = None


def words(lines: Iterable[Line], record: str, points: set[tuple[str, str]], purpose: str, channel: str) -> list[Line]:
    """The lines that speak of this record, purpose and contact channel."""
    return [line for line in lines if line.purpose == purpose and _reaches(line, record, points, channel)]


def _reaches(line: Line, record: str, points: set[tuple[str, str]], channel: str) -> bool:
    if line.channel not in (None, channel):
        return False
    if line.who == record:
        return True
    by_point = line.contact in points and line.contact is not None and POINTS[channel] == line.contact[0]
    return by_point and line.state != "granted"


def state(
    lines: Iterable[Line], held: dict[str, set[tuple[str, str]]], purpose: str, channel: str, brand: str, at: datetime
) -> str | None:
    """granted, expired, withdrawn, refused or None for the profile of the records `held`, for exactly this brand."""
    lines = list(lines)
    spoken = {record: words(lines, record, points, purpose, channel) for record, points in held.items()}
    if not any(line.brand == brand for all_of_it in spoken.values() for line in all_of_it):
        return None
    last = [_last(all_of_it, brand) for all_of_it in spoken.values()]
    said = [line for line in last if line]
    for no in ("withdrawn", "refused"):
        if any(line.state == no for line in said):
            return no
    good = any(line.expires_at is None or line.expires_at > at for line in said)
    return "granted" if good else "expired"


def _last(spoken: list[Line], brand: str) -> Line | None:
    order = ["granted", "refused", "withdrawn"]
    told = [line for line in spoken if line.brand in ("", brand)]
    soonest = sorted(told, key=lambda line: (line.expires_at is None, line.expires_at or line.at))
    return max(soonest, key=lambda line: (line.at, order.index(line.state)), default=None)


def allowed(
    lines: Iterable[Line], held: dict[str, set[tuple[str, str]]], purpose: str, channel: str, brand: str, at: datetime
) -> bool:
    """The gate for a purpose that rests on consent."""
    lines = list(lines)
    if brand:
        own = state(lines, held, purpose, channel, brand, at)
        return (own or state(lines, held, purpose, channel, "", at)) == "granted"
    others = {state(lines, held, purpose, channel, line.brand, at) for line in lines if line.brand}
    return state(lines, held, purpose, channel, "", at) == "granted" and not others & {"withdrawn", "refused"}
