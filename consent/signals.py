"""Signals: a browser's Global Privacy Control, strings of the TCF, categories of consent platforms.

All end in the ledger. An opt-out signal stands: a grant of the same scope is kept beside it as a conflict, which a person
settles with a line of its own; nothing is overwritten silently.
"""

from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.models import DataKey
from cdp.core.statements import fetch
from cdp.core.types import Actor, now
from consent import sql
from consent.actions import record_consents
from consent.models import Category, ConsentRecord, Purpose
from consent.types import Conflict, Meanings, NewConsent

GPC, TCF, SETTLED = "gpc", "tcf", "settled"
GRANTED, WITHDRAWN = ConsentRecord.State.GRANTED, ConsentRecord.State.WITHDRAWN


def meanings() -> Meanings:
    """As they are now; a few rows."""
    purposes = list(Purpose.objects.order_by("key").values_list("key", "heeds_gpc", "tcf"))
    categories: dict[tuple[UUID | None, str], tuple[tuple[str, str | None], ...]] = {}
    for source, name, purpose, channel in Category.objects.order_by("id").values_list(
        "source_id", "name", "purpose_id", "channel_id"
    ):
        categories[source, name] = (*categories.get((source, name), ()), (purpose, channel))
    return Meanings(
        gpc=tuple(key for key, heeds, _tcf in purposes if heeds),
        tcf=tuple((key, frozenset(needed)) for key, _heeds, needed in purposes if needed),
        categories=categories,
    )


# --- conflicts --------------------------------------------------------------------------------------------------------


def conflicts(limit: int = 1_000) -> list[Conflict]:
    """The grants that came after an opt-out signal of the same record and purpose and do not count, oldest first."""
    return [Conflict(*row) for row in fetch(sql.CONFLICTS, {"line": None, "limit": limit})]


def conflict(line: UUID) -> Conflict:
    """The conflict that a grant is in. Raises `Refused`, `not_in_conflict`."""
    rows = fetch(sql.CONFLICTS, {"line": line, "limit": 1})
    if not rows:
        raise Refused("not_in_conflict", _("This consent is in no conflict, or it is settled."))
    return Conflict(*rows[0])


@transaction.atomic
def settle(actor: Actor, line: UUID, *, granted: bool, at: datetime | None = None) -> None:
    """Settle the conflict that a grant (`line`) is in: it counts from now on, or the opt-out stays.

    Raises `Refused`, `not_in_conflict`.
    """
    found = conflict(line)
    record = DataKey.objects.filter(pk=found.subject).values_list("record", flat=True).get()
    settled = NewConsent(
        key=uuid5(line, SETTLED), record=record, purpose=found.purpose, channel=found.channel, brand=found.brand,
        state=GRANTED if granted else WITHDRAWN, given_at=at or now(), method=SETTLED, recorded_by=actor.name,
    )  # fmt: skip
    record_consents([settled])
    audit(
        actor,
        "consent.conflict_settled",
        subject=found.subject,
        target=str(line),
        purpose=found.purpose,
        granted=granted,
    )
