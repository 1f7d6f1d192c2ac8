"""Statutory clocks: by when a privacy request is to be answered. Days are days in Seoul."""

import calendar
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
from django.conf import settings

from cdp.core.errors import Refused

ZONE = ZoneInfo("Asia/Seoul")


def due_on(regime: str, received_at: datetime) -> date:
    """The last day for an answer to what was received at `received_at`; `Refused` for a regime without a clock."""
    if regime not in CLOCKS:
        raise Refused("unknown_regime", "There is no clock for this regime.")
    return CLOCKS[regime](received_at.astimezone(ZONE).date())


def pipa(received: date) -> date:
    """Ten days without the first; an end on a Saturday, Sunday or holiday rolls forward (Civil Act §157, §161)."""
    return next_working_day(received + timedelta(days=10))


def gdpr(received: date) -> date:
    """One month, to the same day or the month's last (article 12(3))."""
    return add_months(received, 1)


def ccpa(received: date) -> date:
    """Forty-five calendar days from receipt, however long the verification takes (11 CCR §7021)."""
    return received + timedelta(days=45)


CLOCKS: dict[str, Callable[[date], date]] = {"pipa": pipa, "gdpr": gdpr, "ccpa": ccpa}


def extended_to(regime: str, received_at: datetime, due: date) -> date:
    """The last day for an answer that was extended, once, with notice before `due`; `Refused` as `due_on`.

    PIPA names no length (decree article 43 wants the ground told): `PIPA_EXTENSION_DAYS` after the first end. GDPR two
    further months (article 12(3)), CCPA ninety days from receipt (§1798.130(a)(2)).
    """
    due_on(regime, received_at)
    return EXTENSIONS[regime](received_at.astimezone(ZONE).date(), due)


def _pipa_extended(received: date, due: date) -> date:
    return next_working_day(due + timedelta(days=settings.PIPA_EXTENSION_DAYS))


def _gdpr_extended(received: date, due: date) -> date:
    return add_months(received, 3)


def _ccpa_extended(received: date, due: date) -> date:
    return received + timedelta(days=90)


EXTENSIONS: dict[str, Callable[[date, date], date]] = {
    "pipa": _pipa_extended,
    "gdpr": _gdpr_extended,
    "ccpa": _ccpa_extended,
}


def next_working_day(day: date) -> date:
    """`day` itself, or the first after it that is no Saturday, Sunday or Korean public holiday (with substitutes)."""
    closed = holidays.country_holidays("KR", years=(day.year, day.year + 1))
    while day.weekday() >= calendar.SATURDAY or day in closed:
        day += timedelta(days=1)
    return day


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last of a month that has none such."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
