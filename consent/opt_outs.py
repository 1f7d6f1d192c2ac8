"""Opt-out lists that name only a number or address: 080 calls, do-not-call registers, bounces, unsubscribers.

A line of the ledger names the point by its digest, and so binds every record that holds it, now or later. Values are read,
digested and forgotten.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor
from consent import value_files
from consent.actions import record_consents
from consent.models import ConsentRecord, ContactChannel, Purpose
from consent.types import NewConsent, TakenValues

OURS = UUID("5b0d1f1e-6c1a-5b52-9c1f-0d0f2c7e0b11")


@dataclass(frozen=True)
class Listed:
    """What a kind of list names, and which contact channels it speaks of."""

    point: str
    channels: tuple[str, ...]


LISTS = {
    "080": Listed("phone", ("sms", "alimtalk", "call")),
    "do_not_call": Listed("phone", ("call",)),
    "bounce": Listed("email", ("email",)),
    "unsubscribe": Listed("email", ("email",)),
}


def take(
    actor: Actor,
    kind: str,
    values: Iterable[tuple[int, str]],
    at: datetime,
    *,
    purposes: Sequence[str] = (),
    channels: Sequence[str] = (),
    brand: str = "",
) -> TakenValues:
    """Withdraw, as of `at`, every consent by the (line number, value) of a list of this kind.

    For `purposes` (none: all that rest on consent) and `channels` (none: those of the kind); taking a list again doubles
    nothing. Commits as it goes. Raises `Refused`: `unknown_list`, `unknown_purpose`, `unknown_contact_channel`.
    """
    if kind not in LISTS:
        raise Refused("unknown_list", _("There is no such kind of list."))
    point, speaks = (
        LISTS[kind].point,
        (_spoken(purposes), _channels(channels or LISTS[kind].channels, LISTS[kind].point)),
    )
    told = value_files.take(values, point, lambda found: _withdraw(actor, kind, found, at, speaks, brand))
    audit(actor, "consent.list_taken", target=kind, read=told.read, written=told.added, unusable=told.unusable)
    return told


def _spoken(purposes: Sequence[str]) -> list[str]:
    rests = Purpose.objects.filter(basis=Purpose.Basis.CONSENT)
    found = list(
        (Purpose.objects.filter(key__in=purposes) if purposes else rests).order_by("key").values_list("key", flat=True)
    )
    if len(found) < len(set(purposes)):
        raise Refused("unknown_purpose", _("There is no such purpose."))
    return found


def _channels(channels: Sequence[str], point: str) -> list[str]:
    found = ContactChannel.objects.filter(key__in=channels, point=point).order_by("key").values_list("key", flat=True)
    if len(found) < len(set(channels)):
        raise Refused("unknown_contact_channel", _("There is no such contact channel, or it uses other addresses."))
    return list(found)


def _withdraw(
    actor: Actor, kind: str, points: Sequence[str], at: datetime, speaks: tuple[list[str], list[str]], brand: str
) -> int:
    return record_consents(line for point in points for line in _lines(actor, kind, point, at, speaks, brand))


def _lines(
    actor: Actor, kind: str, point: str, at: datetime, speaks: tuple[list[str], list[str]], brand: str
) -> Iterator[NewConsent]:
    digest = crypto.contact_digest(LISTS[kind].point, point)
    for purpose in speaks[0]:
        for channel in speaks[1]:
            said = "\x1f".join((kind, digest.hex(), purpose, channel, brand, at.isoformat()))
            yield NewConsent(
                key=uuid5(OURS, said), contact=(LISTS[kind].point, digest), purpose=purpose, channel=channel,
                brand=brand, state=ConsentRecord.State.WITHDRAWN, given_at=at, method=kind, recorded_by=actor.name,
            )  # fmt: skip
