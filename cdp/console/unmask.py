"""Showing personal values: by permission, for a reason of the list, audited before anything is shown."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cdp.core.actions import audit
from cdp.core.models import DataKey
from cdp.core.types import Actor

PERMISSION = "profiles.unmask_golden"
REASONS = (
    ("contact", _("The person is in contact with us")),
    ("review", _("Deciding a review case")),
    ("request", _("Answering a privacy request")),
    ("correction", _("Correcting wrong data")),
)


@transaction.atomic
def asked(request: HttpRequest, records: Iterable[UUID]) -> bool:
    """Whether this request may see the personal values of `records`; one audit row for each of their subjects."""
    if request.method != "POST":
        return False
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    reason = request.POST.get("reason")
    if reason not in dict(REASONS):
        messages.error(request, _("Choose a reason."))
        return False
    for subject in DataKey.objects.filter(record__in=list(records)).order_by("pk").values_list("pk", flat=True):
        audit(Actor.user(request.user), "profile.unmasked", subject=subject, reason=reason)
    return True
