"""Requests of persons without an account: whoever proves an address by a code that is sent there may ask.

Asking does the same work for every address, known or not: a row is written, and no more. A worker looks the address up
and sends the code where there is somebody; the answer to a code never says more than that it was not right.
"""

import hmac
import logging
import secrets
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.models import DataKey
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from consent import actions, notices, people, requests
from consent.grounds import Door, Kind, Proof
from consent.models import PrivacyRequest
from consent.request_models import Challenge
from identity.linkage.normalise import identifier

logger = logging.getLogger(__name__)
PERSON = Actor("person")
TABLE, COLUMN = "consent_challenge", "sealed"
DIGITS = 8
MOST_WRONG = 5
LONGEST_ADDRESS = 320
# How many codes an address is sent an hour, whoever asks for them.
CODES_AN_HOUR = 3
AT_ONCE = 200
# Of all addresses together: whoever floods the page fills no table.
MOST_AN_HOUR = 5_000


@transaction.atomic
def begin(kind: str, by: str, address: str, language: str, regime: str = "pipa") -> UUID:
    """Begin a request of `kind` by whoever reads what is sent to `address`, of the kind `by`; returns its id.

    `Refused`: `unknown_request`, `unknown_address` for what no form offers, `busy`; never for who is unknown.
    """
    if kind not in Kind.values:
        raise Refused("unknown_request", _("There is no such kind of privacy request."))
    if by not in notices.kinds():
        raise Refused("unknown_address", _("Codes are not sent to such addresses."))
    if Challenge.objects.filter(created_at__gt=now() - timedelta(hours=1)).count() >= MOST_AN_HOUR:
        raise Refused("busy", _("Too many people ask at this moment. Try again in an hour."))
    pk, written = uuid4(), address.strip()[:LONGEST_ADDRESS]
    meant = identifier(by, written) or written
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    told = {"kind": by, "value": written, "language": language, "code": code, "regime": regime}
    Challenge.objects.create(
        id=pk, kind=kind, digest=_address_digest(by, meant), expires_at=now() + _lifetime(),
        sealed=crypto.seal(crypto.data_keys([pk])[pk], TABLE, COLUMN, told),
    )  # fmt: skip
    wake(settings.PRIVACY_TASK)
    return pk


@transaction.atomic
def answer(challenge: UUID, code: str) -> PrivacyRequest | None:
    """Open the request if the code is right; None if it is not, or was used, is over, or was tried wrongly too often."""
    found = Challenge.objects.select_for_update().filter(pk=challenge).first()
    told = _opened(found) if found else None
    right = hmac.compare_digest((told or {}).get("code", "-" * DIGITS).encode(), _digits(code).encode())
    if found is None or told is None or _locked(found):
        return None
    # Only after the code: whether anybody is found must not show in how long a wrong one takes.
    profiles = _with_data(told) if right else []
    if not profiles:
        Challenge.objects.filter(pk=found.pk).update(wrong=found.wrong + 1)
        return None
    return _open(found, told, profiles)


def _locked(found: Challenge) -> bool:
    """Whether no code opens it: it is over, or was not sent (yet), so that whoever comes with one has guessed."""
    over = found.used_at is not None or found.expires_at <= now()
    return over or found.handled_at is None or found.wrong >= MOST_WRONG


def _with_data(told: dict[str, str]) -> list[UUID]:
    """The profiles that hold the address and have something that ledger and requests can name."""
    found = people.holders(told["kind"], told["value"])
    return [profile for profile in found if people.known(profile)]


def _open(found: Challenge, told: dict[str, str], profiles: list[UUID]) -> PrivacyRequest:
    """A request of the one who holds the address; where several do, an officer has to see which of them asks."""
    request = actions.open_request(
        PERSON, found.kind, people.subject_of(profiles[0]), regime=told["regime"], received_at=found.created_at,
        via=Door.PERSON, **({} if len(profiles) == 1 else {"holders_of_the_address": len(profiles)}),
    )  # fmt: skip
    notices.answer_at(request, told["kind"], told["value"], told["language"])
    notices.tell(request, "received")
    if len(profiles) == 1:
        request = requests.verify(PERSON, request.id, Proof.CODE)
    Challenge.objects.filter(pk=found.pk).update(used_at=now(), sealed=b"")
    DataKey.objects.filter(record=found.pk).delete()
    return request


# --- by the worker ----------------------------------------------------------------------------------------------------


def send_codes() -> int:
    """Send the codes that wait, to those whom we know; returns how many went."""
    waiting = Challenge.objects.filter(handled_at=None, expires_at__gt=now()).order_by("id")
    return sum(_send(pk) for pk in waiting.values_list("pk", flat=True)[:AT_ONCE])


def drop_expired() -> int:
    """Destroy what nobody can use any more; returns how many."""
    old = Challenge.objects.filter(expires_at__lt=now() - timedelta(hours=1))
    return _destroy(list(old.values_list("pk", flat=True)[:10_000]))


def forget(records: Collection[UUID]) -> int:
    """Destroy what waits for an address that one of these records holds; returns how many."""
    named = people.names_of(records)
    digests = [_address_digest(kind, value) for kind, value in named if kind in notices.kinds()]
    gone = list(Challenge.objects.filter(digest__in=digests).values_list("pk", flat=True)) if digests else []
    return _destroy(gone)


@transaction.atomic
def _destroy(challenges: list[UUID]) -> int:
    DataKey.objects.filter(record__in=challenges).delete()
    return Challenge.objects.filter(pk__in=challenges).delete()[0]


@transaction.atomic
def _send(pk: UUID) -> bool:
    found = Challenge.objects.select_for_update(skip_locked=True).filter(pk=pk, handled_at=None).first()
    if found is None:
        return False
    # Locked until the code is on its way.
    Challenge.objects.filter(pk=pk).update(handled_at=now(), wrong=MOST_WRONG)
    told = _opened(found)
    if not people.holders(told["kind"], told["value"]) or _too_many(found):
        return False
    with translation.override(told["language"]):
        letter = notices.letter_with_code(told["code"], settings.PRIVACY_CODE_MINUTES)
    try:
        notices.sender(told["kind"])(told["value"], letter)
    except Exception as error:
        # The person asks for another one; what a sender says may quote the address.
        logger.warning("A code could not be sent (%s).", type(error).__name__)
        return False
    Challenge.objects.filter(pk=pk).update(wrong=found.wrong)
    audit(Actor.system("privacy"), "challenge.sent", target=str(pk))
    return True


def _too_many(found: Challenge) -> bool:
    since = now() - timedelta(hours=1)
    before = Challenge.objects.filter(digest=found.digest, created_at__gt=since, handled_at__isnull=False)
    return before.exclude(pk=found.pk).count() >= CODES_AN_HOUR


def _opened(found: Challenge) -> dict[str, str]:
    if found.used_at:
        return {}
    key = crypto.existing_data_keys([found.pk]).get(found.pk)
    opened: dict[str, str] = crypto.unseal(key, TABLE, COLUMN, found.sealed)
    return opened


def _digits(code: str) -> str:
    """A code as people type it, with blanks and dashes."""
    return "".join(character for character in code[:40] if character.isascii() and character.isdigit())


def _address_digest(by: str, value: str) -> bytes:
    return crypto.blind_index(f"challenge\x1f{by}", value)


def _lifetime() -> timedelta:
    return timedelta(minutes=settings.PRIVACY_CODE_MINUTES)
