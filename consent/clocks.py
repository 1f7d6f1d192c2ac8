"""Statutory clocks: by when a privacy request is to be answered, as its regime asks. Days are days in Seoul.

An answer is due so many months and days after the day of receipt, which does not count; where the regime says so, an end on
a Saturday, Sunday or holiday rolls forward (Civil Act §157, §161). It is put off once: by months counted from receipt, or
by days counted from the end.
"""

import calendar
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
from django.db.models import Q

from cdp.core.errors import Refused
from consent.models import Regime

ZONE = ZoneInfo("Asia/Seoul")
ANSWERS = Q(answer_days__isnull=False) | Q(answer_months__isnull=False)


def regimes() -> list[str]:
    """The keys of the regimes that have a clock, sorted."""
    return list(Regime.objects.filter(ANSWERS).order_by("key").values_list("key", flat=True))


def due_on(regime: str, received_at: datetime) -> date:
    """The last day for an answer to what was received at `received_at`; `Refused` for a regime without a clock."""
    return due(_asking(regime), received_at.astimezone(ZONE).date())


def extended_to(regime: str, received_at: datetime, ends: date) -> date:
    """The last day for an answer that was put off, once, with notice, before the day `ends`.

    `Refused`: as `due_on`; `no_extension` where the regime knows none.
    """
    found = extended(_asking(regime), received_at.astimezone(ZONE).date(), ends)
    if found is None:
        raise Refused("no_extension", "This regime knows no extension.")
    return found


def due(regime: Regime, received: date) -> date:
    """The last day for an answer to what was received on this day."""
    day = add_months(received, regime.answer_months or 0) + timedelta(days=regime.answer_days or 0)
    return _rolled(regime, day)


def extended(regime: Regime, received: date, ends: date) -> date | None:
    """The last day where it was put off before the day `ends`; None where the regime knows no extension."""
    if regime.extension_months:
        months = (regime.answer_months or 0) + regime.extension_months
        return _rolled(regime, add_months(received, months) + timedelta(days=regime.answer_days or 0))
    return _rolled(regime, ends + timedelta(days=regime.extension_days)) if regime.extension_days else None


def _asking(regime: str) -> Regime:
    found = Regime.objects.filter(ANSWERS, pk=regime).first()
    if found is None:
        raise Refused("unknown_regime", "There is no clock for this regime.")
    return found


def _rolled(regime: Regime, day: date) -> date:
    return next_working_day(day) if regime.answer_rolls else day


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
