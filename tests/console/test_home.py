"""Home: what waits for whom, each one click from its page, and how far the pipeline is."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdp.core import crypto
from cdp.core.models import Touched, User
from cdp.core.types import Actor
from cdp.events.models import Place, Quarantined, Source
from consent.models import PrivacyRequest
from identity.models import Profile, Record, ReviewCase
from segments.models import ExportRequest, Segment, Version
from tests.console.conftest import account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
TASK = re.compile(
    r'<li><a href="([^"]+)"( class="urgent")?><strong>([\d,+]+)</strong><span>([^<]+)</span>(?:<small>([^<]+))?'
)


def home(role: str) -> Any:
    """A fresh account's first page, and what it says waits for it: (address, urgent, number, what, in particular)."""
    client = Client()
    client.force_login(account(role))
    page = client.get("/").content.decode()
    waits = re.search(r'<section class="tasks".*?</section>', page, re.DOTALL)
    return client, page, TASK.findall(waits[0]) if waits else None


def test_a_steward_is_led_to_cases_and_quarantine() -> None:
    client, _, tasks = home("steward")
    assert {what: number for _, _, number, what, _ in tasks} == {"review cases open": "1", "waiting in quarantine": "3"}
    assert all(client.get(address).status_code == 200 for address, *_ in tasks)


def test_an_officer_is_led_to_requests_by_the_days_left_and_to_exports() -> None:
    opened = PrivacyRequest.objects.filter(state="received").order_by("due_on")[0]
    PrivacyRequest.objects.create(
        kind="access", subject=opened.subject, due_on=timezone.localdate() - timedelta(days=1), received_by="user:1"
    )
    ExportRequest.objects.create(segment=Segment.objects.all()[0], channel_id="email", reason="r", asked_by="user:0")
    client, _, tasks = home("privacy officer")
    told = {what: (urgent != "", detail) for _, urgent, _, what, detail in tasks}
    assert told["privacy requests open"] == (True, "1 overdue · 1 due within 3 days")
    assert told["exports to approve"] == (True, "")
    assert all(client.get(address).status_code == 200 for address, *_ in tasks)


def test_a_marketer_is_led_to_the_versions_of_others_only() -> None:
    segment = Segment.objects.all()[0]
    Version.objects.create(segment=segment, number=7, definition={}, state="review", written_by="user:0")
    client, page, tasks = home("marketer")
    assert [(number, what) for _, _, number, what, _ in tasks] == [("1", "segment versions to review")]
    assert "waiting in quarantine" not in page and "privacy requests open" not in page
    Version.objects.filter(number=7).update(written_by=Actor.user(User.objects.get(username="marketer")).name)
    assert "segment versions to review" not in client.get("/").content.decode()


def test_who_may_only_look_has_numbers_and_no_tasks() -> None:
    _, page, tasks = home("auditor")
    assert "review cases open" in page and "waiting in quarantine" in page and tasks is None


def test_an_administrator_sees_how_far_each_stage_is_behind() -> None:
    Touched.objects.bulk_create(Touched(stage="links", subject=row.pk) for row in Segment.objects.all())
    Touched.objects.filter(stage="links").update(at=timezone.now() - timedelta(minutes=5))
    _, page, tasks = home("administrator")
    stages = re.search(r'aria-labelledby="stages".*?</table>', page, re.DOTALL)
    assert stages is not None
    links = re.search(r">Links</th>.*?</tr>", stages[0], re.DOTALL)
    assert links is not None and ">3</td>" in links[0] and "5\xa0minutes" in links[0]
    assert "waiting in quarantine" in [what for *_, what, _ in tasks]


def test_when_all_is_done_it_says_so() -> None:
    ReviewCase.objects.all().delete()
    Quarantined.objects.all().delete()
    _, page, tasks = home("steward")
    assert "Nothing waits for you." in page and tasks == []


@pytest.mark.parametrize(("role", "offered"), [("marketer", False), ("administrator", True), ("auditor", True)])
def test_who_opens_no_rows_to_groups_has_no_such_tables_in_the_menu(role: str, offered: bool) -> None:
    _, page, _ = home(role)
    assert ("Segment permissions of groups" in page) == offered


def test_the_way_back_leads_by_the_question() -> None:
    client, *_ = home("marketer")
    crumbs = (
        client.get("/segments/segment/").content.decode().partition('class="breadcrumbs"')[2].partition("</div>")[0]
    )
    assert re.findall(r"<a [^>]*>([^<]*)</a>", crumbs) == ["Home", "Which people?"] and "Segments" in crumbs
    assert "<h1>Which people?</h1>" in client.get("/segments/").content.decode()


def test_what_quickstart_planted_leads_to_its_evidence(settings: Any, tmp_path: Path) -> None:
    source, profiles = Source.objects.all()[0], Profile.objects.all()[:2]
    for profile, kind in zip(profiles, ("user", "customer"), strict=True):
        record = crypto.record_id(source.pk, kind, f"{kind}-7")
        Record.objects.create(
            pk=record, source=source, kind=kind, profile=profile, first_seen=timezone.now(), last_seen=timezone.now()
        )
    members = [{"source": source.name, "external_id": name} for name in ("user-7", "customer-7")]
    twins = {"title": {"ko": "쌍둥이", "en": "Twins"}, "find": {"ko": "둘", "en": "Two <people>"}, "details": {}}
    store = {"title": {"ko": "매장", "en": "A store"}, "find": {"ko": "", "en": ""}}
    gone = {**twins, "title": {"ko": "", "en": "Erased since"}, "records": [{**members[0], "external_id": "nobody"}]}
    planted = [
        twins | {"records": members},
        store | {"records": [], "details": {"store": Place.objects.all()[0].pk}},
        gone,
    ]
    settings.DEMO_STORIES = str(tmp_path / "stories.json")
    client, page, _ = home("steward")
    assert "Hidden in the generated data" not in page, "not generated yet"
    Path(settings.DEMO_STORIES).write_text(json.dumps(planted))
    page = client.get("/").content.decode()
    card = re.search(r'<section class="card stories".*?</section>', page, re.DOTALL)
    assert card and "Two &lt;people&gt;" in card[0] and "Erased since" not in card[0]
    addresses = re.findall(r'href="(.*?)"', card[0])
    assert len(addresses) == 3 and all(client.get(address).status_code == 200 for address in addresses)
    assert "쌍둥이" in client.get("/", headers={"accept-language": "ko"}).content.decode()
