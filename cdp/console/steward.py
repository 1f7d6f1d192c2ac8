"""What a steward may do on a profile's page: undo a merge, expel a record, split the profile, correct a value."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdp.console.labels import HISTORY_KINDS, label
from cdp.core.errors import CdpError
from cdp.core.types import Actor
from consent import suppression
from identity import actions, queries
from identity.types import ATTRIBUTES, HistoryEntry, Reason

PERMISSION = "identity.change_profile"
CHANGES_SHOWN = 20


def offers(profile: UUID, told: list[HistoryEntry]) -> dict[str, Any]:
    """What the page offers a steward, by the names its template uses."""
    return {
        "merges": [entry for entry in told if entry.kind == "merged" and entry.joined == profile],
        "steward_reasons": [choice for choice in Reason.choices if choice[0] != Reason.REVIEW],
        "correctable": list(ATTRIBUTES.items()),
    }


def lines(profile: UUID, told: list[HistoryEntry]) -> list[dict[str, Any]]:
    """The latest changes for the page, newest first: what, which other profile, how many records, by whom and why."""
    return [_line(profile, entry) for entry in told[: -CHANGES_SHOWN - 1 : -1]]


def _line(profile: UUID, entry: HistoryEntry) -> dict[str, Any]:
    other = entry.left if entry.joined == profile else entry.joined
    why = str(Reason(entry.reason).label) if entry.reason else ""
    return {
        "at": entry.at, "word": label(HISTORY_KINDS, entry.kind), "other": other, "records": len(entry.records),
        "actor": entry.actor, "why": why or (gettext("batch run") if entry.run else ""), "model": entry.model,
    }  # fmt: skip


def act(request: HttpRequest, profile: UUID) -> None:
    """Do what the form asks; what is refused is told, and changes nothing."""
    try:
        ACTIONS[request.POST["what"]](request, profile)
    except (KeyError, ValueError):
        messages.error(request, _("Choose what is to be done, and why."))
    except CdpError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Done. Everything else follows in a moment."))


def _unmerge(request: HttpRequest, profile: UUID) -> None:
    actions.unmerge(Actor.user(request.user), UUID(request.POST["change"]), request.POST["reason"])


def _expel(request: HttpRequest, profile: UUID) -> None:
    [record] = _chosen(request, profile)
    actions.expel(Actor.user(request.user), record, request.POST["reason"])


def _split(request: HttpRequest, profile: UUID) -> None:
    actions.split(Actor.user(request.user), profile, _chosen(request, profile), request.POST["reason"])


def _chosen(request: HttpRequest, profile: UUID) -> set[UUID]:
    chosen = {UUID(text) for text in request.POST.getlist("record")}
    return chosen & set(queries.records_of(profile))


def _correct(request: HttpRequest, profile: UUID) -> None:
    said = request.POST["attribute"], request.POST["value"], request.POST["reason"]
    suppression.correct(Actor.user(request.user), profile, *said)


ACTIONS: dict[str, Callable[[HttpRequest, UUID], None]] = {
    "unmerge": _unmerge,
    "expel": _expel,
    "split": _split,
    "correct": _correct,
}
