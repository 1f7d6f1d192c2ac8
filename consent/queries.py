"""What may be done with whom, and why.

The ledger adds up by these rules, written once in `consent.sql` and used by the gate and by the effective table alike:

- Within a record the latest line counts, by the time it was given (never later than it was received); of two at one
  time a no goes before a grant, and what ends sooner before what lasts. So the order of arrival is no
  matter, and an older import overturns nothing.
- A line without a contact channel speaks of every channel of its purpose, one without a brand of every brand.
- An opt-out that names a contact point is a line of every record that held it then or holds it later, for the channels
  that use this kind of point. A grant that names only a contact point grants nobody.
- Across the records of a profile whoever said no wins, even over a later grant given to another record: two records may
  be one person by probability only, so the person's own later word must reach the record that was withdrawn. Nothing is
  stored by profile, so an unmerge gives each its own history back.
- Under the age of a purpose's regime a grant counts only where a guardian gave it, and the child's own never.
- A browser's opt-out signal stands against grants of its record, earlier or later, until somebody settles the conflict.
- A brand's own state counts for that brand, else that of all brands. Asked for all brands at once ("") the state of all
  brands must be a grant, and no single brand may have said no.
- Purposes that do not rest on consent are allowed unless objected to (withdrawn or refused).
- Data is given to somebody else only by a grant that names them and their country (none named is the controller's own); a
  no stops it that names them, or nobody.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q

from cdp.core.errors import Refused
from cdp.core.statements import column, fetch
from consent import regimes, sql
from consent.models import ConsentRecord, ContactChannel, Effective, PrivacyRequest, Purpose
from consent.types import (
    Coverage,
    Decision,
    DueConfirmation,
    EffectiveConsent,
    KnownPurpose,
    LedgerLine,
    OpenRequest,
    RequestOfPerson,
    ThirdParty,
)

CHUNK = 10_000


def allowed(
    profile_ids: Iterable[UUID], purpose: str, channel: str, at: datetime, brand: str = "", *, sending: bool = False,
    given_to: ThirdParty | None = None,
) -> set[UUID]:  # fmt: skip
    """The gate: which of up to 10,000 live profiles may be contacted for `purpose` by `channel`, by the ledger now.

    `at` decides what has expired; every line that is committed counts. `sending` says that the messages leave at `at`:
    then channels with a night rule need the night's own consent. `given_to`: whose data may be given to somebody else for
    it. `Refused` for an unknown purpose or contact channel.
    """
    profiles = sorted(set(profile_ids))
    if len(profiles) > CHUNK:
        raise ValueError(f"Ask for at most {CHUNK} profiles a call.")
    asked = _asked(purpose, channel, at, brand, sending)
    if given_to is None:
        return set(column(sql.ALLOWED, asked | {"profiles": profiles}))
    named = {"purpose": purpose, "recipient": given_to.name, "country": given_to.country}
    named["home"] = settings.CONTROLLER["country"]
    return set(column(sql.GIVEN, asked | named | {"profiles": profiles}))


def allowed_among(asked: str, purpose: str, channel: str, at: datetime, brand: str = "") -> tuple[str, dict[str, Any]]:
    """The gate of `allowed` as a query of `profile_id` with named parameters, by the ledger in the snapshot of the statement
    that it becomes a part of: of those whom `asked`, a query of ours for one column, names. For exports, which write a chunk
    in the statement that asks.
    """
    return sql.ALLOWED_AMONG.format(asked=asked), _asked(purpose, channel, at, brand, sending=False)


def collectable(
    records: Collection[UUID], purpose: str, at: datetime, brand: str = "", born: Mapping[UUID, date] | None = None
) -> set[UUID]:
    """The gate at collection: of which records a source may collect that requires `purpose`, by the ledger now.

    What any record of the same person says counts, and only what speaks of the purpose as a whole. A purpose that does not
    exist allows nobody. `born` are dates of birth that are in no profile yet: a child's own word counts no sooner.
    """
    of, stated = sorted(set(records)), born or {}
    months = [stated[one].replace(day=1) if one in stated else None for one in of]
    asked = {"purposes": [purpose], "at": at, "brand": brand, "lapses": unconfirmed_lapses()}
    return set(column(sql.COLLECTABLE, asked | {"records": of, "born": months}))


def gate_sql(purpose: str, channel: str, at: datetime, brand: str = "") -> tuple[str, dict[str, Any]]:
    """The gate as a query of `profile_id` with named parameters, over the effective table: for counts, not for sending.

    Expiry is judged at `at`; otherwise it is as fresh as the last run of the consent stage.
    """
    return sql.ALLOWED_BY_TABLE, _asked(purpose, channel, at, brand, sending=False)


def may_contact(profile_id: UUID, purpose: str, channel: str, at: datetime, brand: str = "") -> Decision:
    """Whether a message may leave for this profile at `at`, with every reason why not.

    Reasons: `not_live`; `no_consent`, `no_guardian` (a child's own does not count), `refused`, `withdrawn`, `expired` for
    the purpose itself, and with `use_` or `night_` before it for the use of the data and for the night, or with the key of
    the purpose that the contact channel needs besides; `no_contact_point` where none is usable.
    """
    asked = _asked(purpose, channel, at, brand, sending=True) | {"profiles": [profile_id]}
    verdicts = dict(fetch(sql.VERDICTS, asked))
    if not verdicts:
        return Decision(False, ("not_live",))
    faults = [(needed, verdicts.get(needed, "no_consent")) for needed in asked["purposes"]]
    reasons = [_reason(purpose, needed, _told(profile_id, needed, why, at)) for needed, why in faults if why]
    if not _reachable(profile_id, channel, at):
        reasons.append("no_contact_point")
    return Decision(not reasons, tuple(reasons))


def _asked(purpose: str, channel: str, at: datetime, brand: str, sending: bool) -> dict[str, Any]:
    purposes = _purposes(purpose, channel, at if sending else None)
    return {"purposes": purposes, "channel": channel, "at": at, "brand": brand, "lapses": unconfirmed_lapses()}


def _purposes(purpose: str, channel: str, sent_at: datetime | None) -> list[str]:
    """All that must be allowed: the purpose, the use of data for it where asked apart, what the contact channel needs
    besides, and for what is sent at night the night by its rule."""
    way = ContactChannel.objects.filter(pk=channel).first()
    if way is None:
        raise Refused("unknown_contact_channel", "There is no such contact channel.")
    listed = Purpose.objects.filter(key__in=[purpose, f"{purpose}_use", way.also_id or purpose])
    found = {row.key: row for row in listed.select_related("regime")}
    if purpose not in found:
        raise Refused("unknown_purpose", "There is no such purpose.")
    # The law's night is for advertising, which rests on consent; a night purpose that does not exist allows nobody.
    asks_night = way.night_rule and found[purpose].basis == Purpose.Basis.CONSENT
    night = asks_night and sent_at is not None and regimes.is_night(sent_at, found[purpose].regime)
    return [*sorted(found), *([f"{purpose}_night"] if night else [])]


def unconfirmed_lapses() -> bool:
    """Whether a grant ends when its re-confirmation stays unanswered (`CONSENT_UNCONFIRMED_LAPSES`, by default not)."""
    return bool(getattr(settings, "CONSENT_UNCONFIRMED_LAPSES", False))


def _reason(purpose: str, needed: str, why: str) -> str:
    return f"{needed.removeprefix(purpose + '_')}_{why}" if needed != purpose else why


def _told(profile_id: UUID, needed: str, why: str, at: datetime) -> str:
    """A child without any consent that counts lacks a guardian's."""
    if why != "no_consent" or not fetch(sql.CHILD, {"profile": profile_id, "purpose": needed, "at": at}):
        return why
    return "no_guardian"


def _reachable(profile_id: UUID, channel: str, at: datetime) -> bool:
    point = ContactChannel.objects.values_list("point", flat=True).get(key=channel)
    return not point or bool(fetch(sql.USABLE_POINT, {"profile": profile_id, "point": point, "at": at})[0][0])


def coverage(at: datetime) -> list[Coverage]:
    """How many live profiles have which state, by purpose and contact channel, over all brands; sorted."""
    return [Coverage(*row) for row in fetch(sql.COVERAGE, {"at": at})]


def allowed_counts(at: datetime) -> dict[tuple[str, str], int]:
    """How many live profiles `gate_sql` allows over all brands, by every (purpose, contact channel)."""
    return {(purpose, channel): count for purpose, channel, count in fetch(sql.ALLOWED_COUNTS, {"at": at})}


def effective(profile_id: UUID, purpose: str = "", channel: str = "") -> list[EffectiveConsent]:
    """What the ledger adds up to for a profile, as fresh as the pipeline; for one purpose and contact channel ("": all).

    Whether a grant's time is over is left to the reader.
    """
    asked = {name: key for name, key in (("purpose", purpose), ("channel", channel)) if key}
    rows = Effective.objects.filter(profile=profile_id, **asked).order_by("purpose", "channel", "brand")
    return [
        EffectiveConsent(
            row.purpose_id, row.channel_id, row.brand, ConsentRecord.State(row.state), row.since, row.expires_at
        )
        for row in rows
    ]


def history(profile_id: UUID, purpose: str = "", channel: str = "") -> list[LedgerLine]:
    """The lines of the ledger that concern this profile, newest first, with the names of their sources.

    For one purpose and contact channel ("": all); a line that names no channel speaks of every one.
    """
    lines = [LedgerLine(*row) for row in fetch(sql.HISTORY, {"profile": profile_id})]
    return [
        line for line in lines if purpose in ("", line.purpose) and (channel == "" or line.channel in (None, channel))
    ]


def purposes() -> dict[str, KnownPurpose]:
    """All purposes by their keys, sorted."""
    return {
        row.key: KnownPurpose(row.key, row.name_ko, row.name_en, row.basis == Purpose.Basis.CONSENT)
        for row in Purpose.objects.order_by("key")
    }


def contact_channels() -> list[str]:
    """The keys of all contact channels, sorted."""
    return list(ContactChannel.objects.order_by("key").values_list("key", flat=True))


def open_requests(shown: int, most: int) -> tuple[list[OpenRequest], int]:
    """The privacy requests due first, at most `shown`, and how many are open, counted no further than `most`."""
    over = (PrivacyRequest.State.DONE, PrivacyRequest.State.REFUSED)
    waiting = PrivacyRequest.objects.exclude(state__in=over)
    first = [
        OpenRequest(row.pk, PrivacyRequest.Kind(row.kind), row.due_on) for row in waiting.order_by("due_on")[:shown]
    ]
    return first, waiting.order_by()[:most].count()


def requests_of(subjects: Collection[UUID]) -> list[RequestOfPerson]:
    """The privacy requests of these subjects, the latest first."""
    rows = PrivacyRequest.objects.filter(subject__in=subjects).order_by("-received_at", "-id")
    return [
        RequestOfPerson(
            row.pk, PrivacyRequest.Kind(row.kind), PrivacyRequest.State(row.state), row.received_at, row.due_on
        )
        for row in rows
    ]


def open_by_urgency(today: date, soon: int) -> tuple[int, int, int]:
    """How many privacy requests are open: overdue, due within `soon` days, and due later."""
    over = (PrivacyRequest.State.DONE, PrivacyRequest.State.REFUSED)
    last = today + timedelta(days=soon)
    counted = PrivacyRequest.objects.exclude(state__in=over).aggregate(
        overdue=Count("pk", filter=Q(due_on__lt=today)),
        soon=Count("pk", filter=Q(due_on__gte=today, due_on__lte=last)),
        later=Count("pk", filter=Q(due_on__gt=last)),
    )
    return counted["overdue"], counted["soon"], counted["later"]


def due_for_reconfirmation(at: datetime, within_days: int) -> list[DueConfirmation]:
    """The grants to be confirmed again by `within_days` days after `at` or overdue: calendar years after the last yes.

    A consent of 2024-02-29 with two years is due by 2026-02-28 (Enforcement Decree of the Network Act, article 62-3).
    """
    return [DueConfirmation(*row) for row in fetch(sql.DUE_FOR_RECONFIRMATION, {"at": at, "within": within_days})]


def dormant(at: datetime, limit: int = 1_000) -> list[UUID]:
    """Live profiles that nobody has seen for as long as the controller's own announced policy says; none without one.

    The policy is `dormant_months` of the regime that any purpose is under; the longest counts. (The statutory year was
    abolished on 2023-09-15.)
    """
    return column(sql.DORMANT, {"at": at, "limit": limit})
