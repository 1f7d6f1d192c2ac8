"""The page of quarantine: groups, and what those who may ask to become of them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from cdp.core.models import AuditEntry, User
from cdp.core.types import Actor
from cdp.events import queries
from cdp.events.actions import create_source
from cdp.events.models import Event, Quarantined, QuarantineRequest, Source
from cdp.events.quarantine import known_mapping
from cdp.ingestion import actions, imports, replay, sources
from cdp.ingestion.files import Line
from cdp.ingestion.mapping import EventMapping, content_of, mapping_of
from cdp.ingestion.rows import EventRows
from tests.console.conftest import account

pytestmark = pytest.mark.django_db
PAGE = "/events/quarantined/"
MAPPING = {"event": {"constant": "Bought"}, "time": "at", "customer": {"column": "member"}, "money": "sum"}


@pytest.fixture
def till(rows: None) -> Source:
    """Two rows of a file wait, for the mapping names another column than that of the amount."""
    source, _key = create_source(Actor.system("test"), "till", "pos")
    known, mapping = queries.source_by_name("till"), mapping_of("events", json.dumps(MAPPING).encode())
    assert known is not None and isinstance(mapping, EventMapping)
    reader = EventRows(mapping, known, sources.plan(), datetime(2026, 3, 4, tzinfo=UTC))
    reading = imports.Reading("till.csv", reader, known_mapping(*content_of(mapping)))
    cells = {"at": "2026-03-04", "member": "김민준", "sum": "x", "total": 700}
    actions.keep(reading.parcel([Line(2, cells), Line(3, cells)]), known)
    return source


def signed_in(role: str) -> tuple[Client, User]:
    client, user = Client(), account(role)
    client.force_login(user)
    return client, user


def asking(till: Source, **more: Any) -> dict[str, Any]:
    return {"source": str(till.pk), "reason": "bad_money", "place": "till.csv", "remedy": "replay", **more}


def test_a_steward_mends_a_mapping_and_the_rows_come_in(till: Source) -> None:
    client, user = signed_in("steward")
    page = client.get(PAGE).content.decode()
    assert "The amount cannot be read as money." in page and "till.csv" in page and "김민준" not in page
    assert "&quot;money&quot;: &quot;sum&quot;" in page
    answer = client.post(f"{PAGE}remedy/", asking(till, mapping=json.dumps(MAPPING | {"money": "total"})), follow=True)
    assert "A worker does it now." in answer.content.decode() and "A worker is at it" in answer.content.decode()
    replay.work()
    done = client.get(PAGE).content.decode()
    assert "Over" in done and "taken: 2" in done and "Nothing waits." in done
    assert not Quarantined.objects.exists() and {*Event.objects.values_list("revenue", flat=True)} == {700}
    told = {*AuditEntry.objects.filter(target=str(till.pk)).values_list("actor", "action")}
    assert {(f"user:{user.pk}", f"quarantine.replay_{step}") for step in ("asked", "over")} <= told


def test_what_cannot_be_meant_is_said_and_nothing_is_asked(till: Source) -> None:
    client, _user = signed_in("administrator")
    for wrong in ({"mapping": "{"}, {"remedy": "mend"}, {"source": "x"}):
        answer = client.post(f"{PAGE}remedy/", asking(till, **wrong), follow=True)
        assert answer.status_code == 200 and "errorlist" not in answer.content.decode()
    assert not QuarantineRequest.objects.exists()


@pytest.mark.parametrize("role", ["privacy officer", "auditor"])
def test_who_may_only_look_is_offered_nothing_and_refused(till: Source, role: str) -> None:
    client, _user = signed_in(role)
    page = client.get(PAGE)
    assert page.status_code == 200 and b"remedy" not in page.content
    assert client.post(f"{PAGE}remedy/", asking(till)).status_code == 403
    assert not QuarantineRequest.objects.exists()
