"""The coarse clear traits of a profile (pure): what segments may read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from cdp.core.money import major_units
from cdp.profiles.types import COMPUTED, TRAITS, Winner
from identity.linkage import normalise
from identity.types import OpenRecord

# No law asks for a guardian's consent beyond this age.
OF_AGE = 19


@dataclass(frozen=True)
class Facts:
    """What a profile's events add up to; money in minor units per currency."""

    events: int
    first_at: datetime
    last_at: datetime
    orders: int
    last_order_at: datetime | None
    spent: dict[str, int]
    nps: float | None
    csat: float | None


def coarse(
    records: Collection[OpenRecord],
    winners: Mapping[str, Winner],
    facts: Facts | None,
    channel_of: Mapping[UUID, str],
    today: date,
) -> dict[str, Any]:
    """All clear traits, absent where nothing is known; named traits of the sources never displace the built-in ones."""
    traits = _sent_traits(records) | _who(winners, today) | _where(records, channel_of)
    if facts:
        traits |= _history(facts)
    return {name: value for name, value in sorted(traits.items()) if value is not None}


def _sent_traits(records: Collection[OpenRecord]) -> dict[str, Any]:
    latest: dict[str, tuple[str, str, Any]] = {}
    for record in records:
        for name, (value, at, message) in record.folded.traits.items():
            if not _reserved(name) and (name not in latest or (at, message) > latest[name][:2]):
                latest[name] = (at, message, value)
    return {name: value for name, (_, _, value) in latest.items()}


def _reserved(name: str) -> bool:
    return name in TRAITS or name.startswith(COMPUTED)


def _who(winners: Mapping[str, Winner], today: date) -> dict[str, Any]:
    row = normalise.clean({name: winner.value for name, winner in winners.items()})
    born = _born(winners)
    return {
        "country": row["country"],
        "region": winners["region"].value if "region" in winners else None,
        "city": winners["city"].value if "city" in winners else None,
        "district": row["district"],
        "gender": row["gender"],
        "age_band": _age_band(born, today) if born else None,
        "birth_month": born.month if born else None,
        "email_domain": row["email"].partition("@")[2] if row["email"] else None,
        "has_email": row["email"] is not None,
        "has_phone": row["phone"] is not None,
    }


def minor(winners: Mapping[str, Winner], first_met: date) -> date | None:
    """The first day of the month of birth of whoever was a minor when first met; None for everybody else."""
    born = _born(winners)
    return born.replace(day=1) if born and _age(born, first_met) < OF_AGE else None


def _born(winners: Mapping[str, Winner]) -> date | None:
    stated = normalise.birth_date(winners["birth_date"].value) if "birth_date" in winners else None
    return date.fromisoformat(stated) if stated else None


def _age(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _age_band(born: date, today: date) -> str:
    decade = _age(born, today) // 10 * 10
    return f"{decade}-{decade + 9}"


def _where(records: Collection[OpenRecord], channel_of: Mapping[UUID, str]) -> dict[str, Any]:
    channels = sorted({channel_of[record.source] for record in records if record.source in channel_of})
    return {
        "known": any(not record.leaf for record in records),
        "has_app": "app" in channels,
        "channels": ",".join(channels),
        "channels_count": len(channels),
        "records_count": sum(not record.leaf and record.source in channel_of for record in records),
    }


def _history(facts: Facts) -> dict[str, Any]:
    totals = {f"revenue_total_{currency}": _major(amount, currency) for currency, amount in facts.spent.items()}
    return totals | {
        "events_count": facts.events,
        "orders_count": facts.orders,
        "last_order_at": moment(facts.last_order_at) if facts.last_order_at else None,
        "first_seen": moment(facts.first_at),
        "last_seen": moment(facts.last_at),
        "nps_last": facts.nps,
        "csat_last": facts.csat,
    }


def _major(amount: int, currency: str) -> int | float:
    major = major_units(amount, currency)
    return int(major) if major == major.to_integral_value() else float(major)


def moment(at: datetime) -> str:
    """A moment as traits hold it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
