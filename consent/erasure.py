"""Erasing a person: a job of small steps that may be killed anywhere, run again, and by two workers at once.

In this order, each step done once: find all records of the person; keep what a statute names; suppress every identifier;
write the journal, outside the database, to disk; then let each package erase what it holds (`settings.PRIVACY_HOOKS`),
each in a transaction of its own with the note that it is done; wait until each destination that was told of the person has
confirmed a tombstone, or an officer has excepted it; look once more whether anything came in meanwhile; issue the
certificate. A step that fails is tried again later, and shown until it succeeds.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from cdp.core.actions import audit
from cdp.core.logs import shape
from cdp.core.privacy import hooks
from cdp.core.statements import execute, fetch
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from consent import holds, journal, notices, people, request_sql, statutes, suppression
from consent.clocks import ZONE
from consent.models import PrivacyRequest
from consent.request_models import Erasure, ErasureStep, KeptTransaction

logger = logging.getLogger(__name__)
ACTOR = Actor.system("erasure")
State = Erasure.State
# Rows that stay, leading to nobody: the database refuses to change them.
SEVERED = ("consent_consentrecord", "core_auditentry", "consent_privacyrequest")
# Stores in which nothing of anybody is kept, so that an erasure finds nothing there; each is proved by a test.
KEEP_NOTHING = ("exports", "task results", "cache")
# How a destination stands that an erasure need not wait for.
SETTLED = ("confirmed", "excepted")
AT_ONCE = 20
SHORTEST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)


@transaction.atomic
def ask(request: PrivacyRequest) -> Erasure:
    """Have an approved request's person erased by the worker."""
    erasure = Erasure.objects.get_or_create(request=request)[0]
    wake(settings.PRIVACY_TASK)
    return erasure


@transaction.atomic
def retry(actor: Actor, erasure: UUID) -> None:
    """Have an erasure that failed tried again at once."""
    Erasure.objects.filter(pk=erasure, state=State.FAILED).update(retry_at=now())
    audit(actor, "erasure.retried", target=str(erasure))
    wake(settings.PRIVACY_TASK)


def run_open() -> int:
    """Go on with every erasure that is open and not waiting for its next try; returns how many were finished."""
    rows = fetch(request_sql.OPEN_ERASURES, [now(), AT_ONCE])
    return sum(run(row[0]) for row in rows)


def run(erasure: UUID) -> bool:
    """Go on with one erasure as far as it comes; whether it is done. Harmless at any time and twice at once."""
    try:
        while (step := _next(erasure)) is not None:
            step()
    except Exception as error:
        # Whatever went wrong in a store, all others must go on, and this one must be seen: nothing is swallowed.
        _failed(erasure, error)
    return Erasure.objects.filter(pk=erasure, state=State.DONE).exists()


def _next(pk: UUID) -> Callable[[], None] | None:
    """What is to be done next; None where nothing is, or another worker is at it."""
    erasure = Erasure.objects.get(pk=pk)
    if erasure.state in (State.DONE, State.HELD):
        return None
    if not erasure.steps.exists():
        return lambda: _prepare(pk)
    if erasure.journaled_at is None:
        return lambda: _write_journal(pk)
    waiting = erasure.steps.filter(done_at=None).order_by("place").first()
    if waiting:
        return lambda: _erase(pk, waiting)
    if erasure.finished_at:
        return lambda: _seal(pk)
    return None if _waits(erasure) else lambda: _close(pk)


def _waits(erasure: Erasure) -> bool:
    """Whether a destination has yet to confirm; then others come first for a while. After a restore nobody is waited for:
    nothing is served or sent before all is erased again."""
    waits = not erasure.replayed and any(one["state"] not in SETTLED for one in confirmations(erasure))
    if waits:
        Erasure.objects.filter(pk=erasure.pk).update(retry_at=now() + SHORTEST_WAIT)
    return waits


def _locked(pk: UUID) -> Erasure:
    """The erasure, this transaction's alone."""
    return Erasure.objects.select_for_update().get(pk=pk)


# --- before anything is deleted -----------------------------------------------------------------------------------


@transaction.atomic
def _prepare(pk: UUID) -> None:
    """Find the person, keep what must be kept, suppress, and lay out the steps; or wait for a legal hold."""
    erasure = _locked(pk)
    if erasure.steps.exists():
        return
    if not erasure.records and erasure.request is not None:
        erasure.records = people.records_of(erasure.request.subject)
        erasure.subjects = sorted({*people.subjects_of(erasure.records), erasure.request.subject})
    # Who is erased again after a restore was erased lawfully before.
    if not erasure.replayed and (standing := holds.standing(erasure.subjects)):
        _hold(erasure, len(standing))
        return
    _keep_transactions(erasure)
    erasure.digests = _suppress(erasure)
    erasure.state = State.RUNNING
    erasure.save()
    ErasureStep.objects.bulk_create(
        [ErasureStep(erasure=erasure, place=place, hook=name) for place, name in enumerate(hooks())]
    )


def _hold(erasure: Erasure, number: int) -> None:
    erasure.state = State.HELD
    erasure.records = []
    erasure.save()
    audit(ACTOR, "erasure.held", target=str(erasure.id), holds=number)


def _keep_transactions(erasure: Erasure) -> None:
    for statute in statutes.applying():
        asked = {"erasure": erasure.id, "statute": statute.key, "years": statute.years}
        execute(request_sql.KEEP_TRANSACTIONS, {**asked, "records": erasure.records, "at": now()})


def _suppress(erasure: Erasure) -> list[bytes]:
    """Suppress whatever identifies the person, and what a replayed journal says did; returns the digests."""
    names = people.names_of(erasure.records)
    suppression.add(ACTOR, names, "erased")
    journaled = [bytes(digest) for digest in erasure.digests]
    execute(request_sql.SUPPRESS_AGAIN, {"digests": journaled})
    return sorted({*suppression.digests_of(names), *journaled})


def _write_journal(pk: UUID) -> None:
    erasure = Erasure.objects.get(pk=pk)
    digests = [bytes(digest) for digest in erasure.digests]
    journal.begun(journal.Entry(pk, now(), erasure.subjects, digests, len(erasure.records)))
    Erasure.objects.filter(pk=pk).update(journaled_at=now())


# --- store by store -----------------------------------------------------------------------------------------------


@transaction.atomic
def _erase(pk: UUID, step: ErasureStep) -> None:
    erasure = _locked(pk)
    waiting = ErasureStep.objects.select_for_update().get(pk=step.pk)
    if waiting.done_at is not None:
        return
    waiting.counts = hooks()[waiting.hook].erase(list(erasure.records))
    waiting.done_at, waiting.failed = now(), ""
    waiting.save(update_fields=["counts", "done_at", "failed"])
    if erasure.state == State.FAILED:
        erasure.state, erasure.retry_at = State.RUNNING, None
        erasure.save(update_fields=["state", "retry_at"])


def _failed(pk: UUID, error: Exception) -> None:
    """Note that a step failed, by the type of its error only, and when it is tried again."""
    logger.error("An erasure's step failed and will be tried again: %s", shape(error))
    with transaction.atomic():
        erasure = _locked(pk)
        step = erasure.steps.filter(done_at=None).order_by("place").first()
        tries = step.tries + 1 if step else 1
        if step:
            step.tries, step.failed = min(tries, 32_000), type(error).__name__[:60]
            step.save(update_fields=["tries", "failed"])
        erasure.state = State.FAILED
        erasure.retry_at = now() + min(SHORTEST_WAIT * 2 ** min(tries, 10), LONGEST_WAIT)
        erasure.save(update_fields=["state", "retry_at"])
        audit(ACTOR, "erasure.failed", target=str(pk), hook=step.hook if step else "", error=type(error).__name__)


# --- the end ------------------------------------------------------------------------------------------------------


@transaction.atomic
def _close(pk: UUID) -> None:
    """Look into every store once more, for what came in meanwhile, and issue the certificate."""
    erasure = _locked(pk)
    if erasure.finished_at is not None:
        return
    late = {name: hook.erase(list(erasure.records)) for name, hook in hooks().items()}
    erasure.finished_at = now()
    erasure.certificate = _certificate(erasure, late, erasure.finished_at)
    erasure.records = []
    erasure.save(update_fields=["finished_at", "certificate", "records"])


def _seal(pk: UUID) -> None:
    """Write into the journal that it is finished, then answer the request."""
    finished_at = Erasure.objects.values_list("finished_at", flat=True).get(pk=pk)
    journal.finished(pk, finished_at or now())
    with transaction.atomic():
        erasure = _locked(pk)
        if erasure.state != State.DONE:
            erasure.state, erasure.retry_at = State.DONE, None
            erasure.save(update_fields=["state", "retry_at"])
            _answer(erasure)
            audit(ACTOR, "erasure.done", target=str(erasure.id), replayed=erasure.replayed)


def _answer(erasure: Erasure) -> None:
    request = erasure.request
    if request is not None and request.state == PrivacyRequest.State.APPROVED:
        request.state, request.closed_at, request.closed_by = PrivacyRequest.State.DONE, now(), ACTOR.name
        request.save(update_fields=["state", "closed_at", "closed_by"])
        audit(ACTOR, "privacy_request.done", subject=request.subject, target=str(request.id))
        notices.tell(request, "done")


def _certificate(erasure: Erasure, late: dict[str, dict[str, int]], at: datetime) -> dict[str, Any]:
    """What was erased in each store, what stays and why, who downstream confirmed, and when backups are gone."""
    erased: Counter[str] = Counter()
    for counts in [*erasure.steps.values_list("counts", flat=True), *late.values()]:
        erased.update(counts)
    severed = dict(fetch(request_sql.SEVERED, {"subjects": erasure.subjects}))
    return {
        "version": 1,
        "finished_at": at.isoformat(),
        "erased": {store: rows for store, rows in sorted(erased.items()) if store not in SEVERED},
        "nothing_kept_in": list(KEEP_NOTHING),
        "severed": severed,
        "kept": _kept(erasure),
        "suppressed_identifiers": len(erasure.digests),
        "destinations": confirmations(erasure),
        "backups_expire_on": _backups_expire(at).isoformat(),
    }


def _kept(erasure: Erasure) -> list[dict[str, Any]]:
    rows = [(one, erasure.kept.filter(statute=one.key)) for one in statutes.applying()]
    return [
        {
            "statute": one.key,
            "article": one.article,
            "what": "transactions",
            "rows": len(kept),
            "until": max(row.keep_until for row in kept).isoformat(),
        }
        for one, kept in rows
        if kept
    ]


def confirmations(erasure: Erasure) -> list[dict[str, Any]]:
    """How each destination stands that was told of the person: {"destination", "recipient", "country", "state": pending,
    failed, confirmed or excepted, "at", "why", …}. Tools that pull see the erasure in the feeds of changes."""
    digests = [bytes(digest) for digest in erasure.digests]
    return [one for path in settings.ERASURE_CONFIRMATIONS for one in import_string(path)(digests)]


def _backups_expire(at: datetime) -> date:
    return at.astimezone(ZONE).date() + timedelta(days=settings.BACKUP_DAYS)


def destroy_expired(today: date) -> int:
    """Destroy what was kept of transactions, once the statute's time is over; returns how many rows."""
    gone, _ = KeptTransaction.objects.filter(keep_until__lte=today).delete()
    if gone:
        audit(ACTOR, "kept_transactions.destroyed", rows=gone)
    return gone


# --- after a restore ----------------------------------------------------------------------------------------------


def replay(entry: journal.Entry) -> bool:
    """Erase again whom a restored backup has brought back; whether it is done."""
    _revive(entry)
    return run(entry.erasure)


@transaction.atomic
def _revive(entry: journal.Entry) -> None:
    """The erasure as it stood when it was written to the journal, to be gone through once more."""
    records = _records_of(entry)
    erasure, made = Erasure.objects.select_for_update().get_or_create(pk=entry.erasure)
    if not made and erasure.state != State.DONE and erasure.steps.exists():
        return
    erasure.state, erasure.replayed, erasure.journaled_at = State.WAITING, True, entry.at
    erasure.finished_at = None
    erasure.records, erasure.subjects, erasure.digests = records, entry.subjects, entry.digests
    erasure.save()
    audit(ACTOR, "erasure.replayed", target=str(erasure.id), records=len(records))


def _records_of(entry: journal.Entry) -> list[UUID]:
    """By their data keys, and where these are gone (they are backed up apart) by the digests of the records' ids."""
    known = set(fetch(request_sql.RECORDS_OF_SUBJECTS, [entry.subjects]))
    found = {row[0] for row in known}
    if len(found) < entry.records:
        digests = set(entry.digests)
        all_of_them = [row[0] for row in fetch(request_sql.ALL_RECORDS)]
        found |= {
            one for one in all_of_them if not digests.isdisjoint(suppression.digests_of([suppression.record_name(one)]))
        }
    return sorted(found)
