"""Access packages: everything that is known about one person, in one file for that person, behind a link that works once.

A package is made when its link is used and is kept nowhere. The link holds a random token and no personal value; of the
token only the SHA-256 is kept. Who follows an address that is unknown, used, too old or taken back is told the same.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from consent.models import PackageLink, PrivacyRequest

T = TypeVar("T")
# An explanation of what was decided by rules is in it too: which groups, why, and each rule in words.
KINDS = (PrivacyRequest.Kind.ACCESS, PrivacyRequest.Kind.PORTABILITY, PrivacyRequest.Kind.EXPLANATION)
HOURS, MOST_HOURS = 72, 30 * 24
# Nobody signs in to follow a link: the person does who was given it.
PERSON = Actor.system("access_link")


@transaction.atomic
def issue(actor: Actor, request: UUID, hours: int = HOURS) -> tuple[PackageLink, str]:
    """A link for the person of an approved request for access, portability or explanation; its token is told this once.

    An earlier link of the request stops working. Raises `Refused`: `not_found`; `no_package` for another kind of request,
    or before it is approved; `too_long`.
    """
    found = PrivacyRequest.objects.select_for_update().filter(pk=request).first()
    if found is None:
        raise Refused("not_found", _("There is no such request."))
    if found.kind not in KINDS or found.state != PrivacyRequest.State.APPROVED:
        raise Refused(
            "no_package", _("Only an approved request for access, portability or explanation is answered by a package.")
        )
    if not 0 < hours <= MOST_HOURS:
        raise Refused("too_long", _("A link works for at most 30 days."))
    _revoke(found)
    token = secrets.token_urlsafe(32)
    ends = now() + timedelta(hours=hours)
    link = PackageLink.objects.create(request=found, digest=_digest(token), created_by=actor.name, expires_at=ends)
    audit(actor, "access_link.made", subject=found.subject, target=str(link.pk), hours=hours)
    return link, token


@transaction.atomic
def revoke(actor: Actor, request: UUID) -> int:
    """Take back the links of a request that were not used; returns how many."""
    found = PrivacyRequest.objects.select_for_update().get(pk=request)
    taken = _revoke(found)
    audit(actor, "access_link.revoked", subject=found.subject, target=str(found.pk), links=taken)
    return taken


def works(token: str) -> PackageLink | None:
    """The link of a token as long as it works; looking at it does not use it up."""
    return _working().filter(digest=_digest(token)).first()


@transaction.atomic
def use(token: str, make: Callable[[UUID], T]) -> T | None:
    """Use a link up and return what `make` makes for its subject; None for a link that does not work (any more).

    Of two at once one gets it. Where making fails the link still works.
    """
    link = _working().select_for_update(of=("self",)).select_related("request").filter(digest=_digest(token)).first()
    if link is None:
        return None
    made = make(link.request.subject)
    link.used_at = now()
    link.save(update_fields=["used_at"])
    audit(PERSON, "access_package.fetched", subject=link.request.subject, target=str(link.pk))
    return made


def _working() -> QuerySet[PackageLink]:
    return PackageLink.objects.filter(used_at=None, revoked_at=None, expires_at__gt=now())


def _revoke(request: PrivacyRequest) -> int:
    return _working().filter(request=request).update(revoked_at=now())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
