"""A person's rectification request corrects a value as a steward does."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, DataKey
from cdp.core.types import Actor
from cdp.profiles import queries
from cdp.profiles.actions import refresh
from consent.actions import open_request, rectify
from consent.models import PrivacyRequest
from identity.models import Record
from tests.api.people import VALUES, canary, record_of

pytestmark = pytest.mark.django_db
OFFICER = Actor("user:officer")


def request(state: str = "verified", kind: str = "rectification", subject: Any = None) -> PrivacyRequest:
    subject = subject or DataKey.objects.get(record=record_of(canary())).pk
    made = open_request(OFFICER, kind, subject)
    made.state = state
    made.save()
    return made


def test_the_value_that_was_asked_for_wins() -> None:
    asked = request()
    made = rectify(OFFICER, asked, "full_name", "구슬비")
    profile = Record.objects.get(pk=made).profile_id
    refresh([profile])
    assert queries.personal([profile])[profile] == VALUES | {"full_name": "구슬비"}
    written = AuditEntry.objects.get(action="privacy_request.rectified")
    assert (written.subject, written.target, written.details) == (
        asked.subject, str(asked.pk), {"attribute": "full_name"},
    )  # fmt: skip
    assert AuditEntry.objects.get(action="value.corrected").details["reason"] == "person_asked"


@pytest.mark.parametrize("fields", [{"state": "received"}, {"state": "done"}, {"state": "refused"}, {"kind": "access"}])
def test_only_a_verified_open_rectification_corrects(fields: dict[str, str]) -> None:
    asked = request(**fields)
    with pytest.raises(Refused) as refused, transaction.atomic():
        rectify(OFFICER, asked, "full_name", "구슬비")
    assert refused.value.code == "not_to_rectify"
    assert Record.objects.count() == 1


def test_a_person_who_is_gone_cannot_be_corrected() -> None:
    with pytest.raises(Refused) as refused, transaction.atomic():
        rectify(OFFICER, request(subject=uuid4()), "full_name", "구슬비")
    assert refused.value.code == "not_found"
