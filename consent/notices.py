"""What persons are told: codes that prove an address, and how their requests stand.

Each way of sending (`PRIVACY_SENDERS`: kind of address → function) is given an address and a letter; shipped is e-mail.
Texts are made when they are sent, so that no table holds them.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import translation
from django.utils.formats import date_format
from django.utils.module_loading import import_string
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.models import DataKey
from cdp.core.types import now
from cdp.core.wake import wake
from consent.grounds import ExtensionGround, RefusalGround, Told
from consent.models import PrivacyRequest
from consent.request_models import PersonNotice

logger = logging.getLogger(__name__)
AT_ONCE = 200
MOST_TRIES = 20
KEPT_CLOSED = timedelta(days=30)
TABLE, COLUMN = "consent_privacyrequest", "reply_to"


@dataclass(frozen=True)
class Letter:
    """What is sent: a subject line and a text, in the person's language."""

    subject: str
    text: str


Sender = Callable[[str, Letter], None]


def by_email(address: str, letter: Letter) -> None:
    """Send by Django's e-mail backend."""
    EmailMessage(letter.subject, letter.text, to=[address]).send()


def sender(kind: str) -> Sender:
    """How addresses of this kind are reached."""
    found: Sender = import_string(settings.PRIVACY_SENDERS[kind])
    return found


def kinds() -> list[str]:
    """The kinds of addresses that can be reached."""
    return list(settings.PRIVACY_SENDERS)


# --- where a request is answered --------------------------------------------------------------------------------------


def answer_at(request: PrivacyRequest, kind: str, value: str, language: str) -> None:
    """Keep where a request is answered, sealed under a key of its own, until it is closed and the person was told."""
    key = crypto.data_keys([request.id])[request.id]
    request.reply_to = crypto.seal(key, TABLE, COLUMN, {"kind": kind, "value": value, "language": language})
    request.save(update_fields=["reply_to"])


def tell(request: PrivacyRequest, what: str) -> None:
    """Tell the person, where the product knows an address for it; in the caller's transaction."""
    if request.reply_to:
        PersonNotice.objects.create(request=request, what=what)
        wake(settings.PRIVACY_TASK)


def send_waiting() -> int:
    """Send the notices that wait; one that cannot be sent waits on, its failure noted by type. Returns how many went."""
    waiting = PersonNotice.objects.filter(sent_at=None, tries__lt=MOST_TRIES).order_by("tries", "id")
    return sum(_send(pk) for pk in waiting.values_list("pk", flat=True)[:AT_ONCE])


@transaction.atomic
def _send(pk: Any) -> bool:
    notice = PersonNotice.objects.select_for_update(skip_locked=True).filter(pk=pk, sent_at=None).first()
    if notice is None:
        return False
    try:
        _deliver(notice)
    except Exception as error:
        # A sender may be anybody's; what it says may quote the address.
        logger.warning("A notice could not be sent (%s).", type(error).__name__)
        notice.tries, notice.failed = notice.tries + 1, type(error).__name__[:60]
        notice.save(update_fields=["tries", "failed"])
        return False
    notice.sent_at, notice.failed = now(), ""
    notice.save(update_fields=["sent_at", "failed"])
    _forget_address(notice.request)
    return True


def _deliver(notice: PersonNotice) -> None:
    request = notice.request
    key = crypto.existing_data_keys([request.id]).get(request.id)
    to = crypto.unseal(key, TABLE, COLUMN, request.reply_to or b"")
    with translation.override(to["language"]):
        letter = letter_about(request, notice.what)
    sender(to["kind"])(to["value"], letter)


def _forget_address(request: PrivacyRequest) -> None:
    """Once the request is closed and nothing more is to be told, the address is of no use."""
    if request.closed_at and not request.notices.filter(sent_at=None).exists():
        PrivacyRequest.objects.filter(pk=request.pk).update(reply_to=None)
        DataKey.objects.filter(record=request.pk).delete()


def forget_old_addresses() -> int:
    """Forget where requests were answered that were closed a month ago, told or not; returns how many."""
    old = PrivacyRequest.objects.filter(closed_at__lt=now() - KEPT_CLOSED, reply_to__isnull=False)
    gone = list(old.values_list("pk", flat=True))
    with transaction.atomic():
        DataKey.objects.filter(record__in=gone).delete()
        PrivacyRequest.objects.filter(pk__in=gone).update(reply_to=None)
    return len(gone)


# --- texts ------------------------------------------------------------------------------------------------------------


def letter_about(request: PrivacyRequest, what: str) -> Letter:
    """How a request stands, in the active language."""
    kind = capfirst(str(PrivacyRequest.Kind(request.kind).label))
    subject = _("Your privacy request: %(kind)s") % {"kind": kind}
    lines = [TEXTS[what](request), _("Number of the request: %(number)s") % {"number": request.id}]
    return Letter(subject, "\n\n".join(lines) + "\n")


def letter_with_code(code: str, minutes: int) -> Letter:
    """The code that proves an address, in the active language."""
    text = _(
        "%(code)s is the code for your privacy request. It works once, for %(minutes)s minutes.\n\n"
        "If you did not ask for this, you need not do anything: without the code nothing happens."
    )
    return Letter(_("The code for your privacy request"), text % {"code": code, "minutes": minutes} + "\n")


def _received(request: PrivacyRequest) -> str:
    return _("We have your request and will answer it by %(day)s.") % {"day": date_format(request.due_on)}


def _extended(request: PrivacyRequest) -> str:
    text = _("Your request takes longer. You will have our answer by %(day)s. The reason: %(why)s.")
    return text % {"day": date_format(request.due_on), "why": ExtensionGround(request.extended_for).label}


def _refused(request: PrivacyRequest) -> str:
    text = _(
        "We cannot do what you asked. The reason: %(why)s. You may complain to us, to the data protection authority, or "
        "go to court."
    )
    return text % {"why": RefusalGround(request.refused_for).label}


def _done(request: PrivacyRequest) -> str:
    erasure = getattr(request, "erasure", None)
    if erasure is None:
        return _("We have done what you asked.")
    told = [_("Your data is erased, and we will not take it in again.")]
    for kept in erasure.certificate.get("kept", ()):
        text = _("By statute we keep of your purchases what identifies them, until %(day)s: %(article)s.")
        told.append(text % {"day": kept["until"], "article": kept["article"]})
    told.append(_("Copies in backups are gone by %(day)s.") % {"day": erasure.certificate["backups_expire_on"]})
    return " ".join(told)


TEXTS: dict[str, Callable[[PrivacyRequest], str]] = {
    Told.RECEIVED: _received,
    Told.EXTENDED: _extended,
    Told.REFUSED: _refused,
    Told.DONE: _done,
}
