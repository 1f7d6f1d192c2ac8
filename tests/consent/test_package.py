"""Everything about one person and nothing of others, in one file, behind a link that works once."""

import io
import json
import threading
import zipfile
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from cdp import answers, pipeline
from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, DataKey
from cdp.core.privacy import hooks
from cdp.core.types import Actor, now
from cdp.events.actions import create_source, store
from cdp.events.models import Event, Source
from cdp.events.types import NewEvent
from consent import actions, package, package_file, people
from consent.models import ConsentRecord, PackageLink, PrivacyRequest
from consent.types import NewConsent
from identity import actions as identity
from identity.models import HouseholdHint, Record, ReviewCase
from segments import actions as segments
from tests.api.people import Caller
from tests.consent.desk import signed_in

OFFICER, OTHER = Actor("user:officer"), Actor("user:other")
committing = pytest.mark.django_db(transaction=True)
AT = now() - timedelta(days=3)
HOME = {"address": "서울시 마포구 월드컵로 77 101동 202호", "postcode": "03925", "phone": "02-345-6789"}
HER = {"full_name": "김하나", "email": "hana@x.kr", "birth_date": "1980-03-04", "gender": "F", **HOME}
HIM = {"full_name": "이두리", "email": "duri@y.kr", "birth_date": "1979-11-30", "gender": "M", **HOME}


def told(source: Source, who: str, name: str, days: float = 0.0, **fields: Any) -> NewEvent:
    """Something that a source says of one of its people."""
    base: dict[str, Any] = {
        "record": crypto.record_id(source.pk, "user", who), "kind": "user", "message_id": str(uuid4()), "name": name,
        "type": "identify" if name == "Identify" else "track", "occurred_at": AT + timedelta(days=days),
    }  # fmt: skip
    sealed = {"external_id": who} | fields.pop("sealed", {})
    return NewEvent(source=source.pk, **base | fields, sealed=sealed)


def bring(*events: NewEvent) -> None:
    with transaction.atomic():
        store(events)
    pipeline.advance()


def subject_of(record: UUID) -> UUID:
    return crypto.subjects([record])[record]


def approved(subject: UUID, kind: str = "access") -> PrivacyRequest:
    made = actions.open_request(OFFICER, kind, subject)
    made.state = PrivacyRequest.State.APPROVED
    made.save()
    return made


@pytest.fixture
def shop() -> Source:
    return create_source(OFFICER, "shop", "web")[0]


def two_of_one_household(shop: Source) -> tuple[UUID, UUID]:
    """Her record and his: one home, one telephone, both customers of the shop."""
    hers = told(shop, "h-1", "Identify", sealed={"attributes": HER}, properties={"plan": "gold"})
    his = told(shop, "device-of-his", "Identify", sealed={"attributes": HIM}, properties={"plan": "silver"})
    bring(
        hers, his,
        told(shop, "h-1", "Order Completed", 1, order_id="o-her", revenue=90_000, currency="KRW",
             sealed={"properties": {"message": "<script>alert(1)</script> {{7*7}}"}}),
        told(shop, "device-of-his", "Order Completed", 1, order_id="o-him", revenue=10_000, currency="KRW"),
    )  # fmt: skip
    return hers.record, his.record


def agrees(record: UUID, state: str = "granted", **fields: Any) -> None:
    said: dict[str, Any] = {
        "key": uuid4(),
        "purpose": "marketing",
        "channel": "email",
        "method": "form",
        "given_at": AT,
    }
    actions.record_consents([NewConsent(record=record, state=state, recorded_by="user:clerk", **said | fields)])


def flat(package_: Any) -> str:
    return json.dumps(package_, default=str, ensure_ascii=False)


def buyers() -> None:
    rule = {"all": [{"trait": "orders_count", "op": "gte", "value": 1}, {"event": "Order Completed"}]}
    made = segments.create_segment(OFFICER, key="buyers", name="Buyers", purpose="marketing", rule=rule)
    segments.publish(OFFICER, made)
    segments.recompute(made.pk)


def live_together(hers: UUID, his: UUID) -> None:
    HouseholdHint.objects.get_or_create(
        left=min(hers, his), right=max(hers, his), defaults={"household": min(hers, his), "shared": "phone", "reason": "names"}
    )  # fmt: skip
    ReviewCase.objects.get_or_create(left=min(hers, his), right=max(hers, his), defaults={"reason": "given names"})


def told_of_him(his: UUID, profile: UUID | None) -> list[str]:
    """What would give him away, what he said himself first."""
    return [
        HIM["full_name"], HIM["email"], HIM["birth_date"], "device-of-his", "o-him", "silver", "his hand",
        str(his), str(profile), str(subject_of(his)),
        *(str(pk) for pk in Event.objects.filter(record=his).values_list("pk", flat=True)),
        *(str(pk) for pk in ConsentRecord.objects.filter(subject=subject_of(his)).values_list("pk", flat=True)),
    ]  # fmt: skip


# --- what is in it ------------------------------------------------------------------------------------------------------


@committing
def test_it_holds_everything_about_her_and_nothing_of_whom_she_lives_with(shop: Source) -> None:
    hers, his = two_of_one_household(shop)
    agrees(hers, proof={"signed": "her hand"})
    agrees(his, "withdrawn", proof={"signed": "his hand"})
    buyers()
    home = {record.pk: record.profile_id for record in Record.objects.all()}
    assert home[hers] != home[his]
    live_together(hers, his)
    found = answers.access_package(subject_of(hers))
    assert {line["attribute"]: line["value"] for line in found["golden"]}["email"] == "hana@x.kr"
    assert [event["name"] for event in found["events"]] == ["Identify", "Order Completed"]
    assert found["events"][1]["personal"]["properties"]["message"].startswith("<script>")
    assert [(line["state"], line["proof"]) for line in found["consents"]] == [("granted", {"signed": "her hand"})]
    assert len(found["receipts"]) == 1 and [row["state"] for row in found["consents_now"]] == ["granted"]
    assert found["uses"] == [
        {
            "purpose": "marketing",
            "segment": "buyers",
            "data": ["Order Completed", "orders_count"],
            "data_classes": ["general"],
            "rule": found["uses"][0]["rule"],
        }
    ]
    assert "주문" in found["uses"][0]["rule"]["ko"] and "Order Completed" in found["uses"][0]["rule"]["en"]
    assert [row["segment"] for row in found["memberships"]] == ["buyers"]
    for name, hook in hooks().items():
        assert set(hook.export([hers])) <= found.keys(), name
    text = flat(found)
    strangers = told_of_him(his, home[his])
    assert [value for value in strangers if value in text] == []
    other = flat(answers.access_package(subject_of(his)))
    assert [value for value in strangers[:7] if value not in other] == [] and "hana@x.kr" not in other


@committing
def test_an_opt_out_that_names_her_number_is_told_but_not_who_else_said_it(shop: Source) -> None:
    hers, his = two_of_one_household(shop)
    from cdp.profiles.models import ContactPoint

    point = ContactPoint.objects.filter(record=hers, kind="phone").values_list("digest", flat=True)[0]
    agrees(his, "withdrawn", contact=("phone", bytes(point)), channel="sms")
    said: dict[str, Any] = {
        "key": uuid4(),
        "purpose": "marketing",
        "channel": "call",
        "state": "withdrawn",
        "given_at": AT,
    }
    actions.record_consents(
        [NewConsent(contact=("phone", bytes(point)), method="080", recorded_by="system:test", **said)]
    )
    pipeline.advance()
    found = answers.access_package(subject_of(hers))
    assert [(line["channel"], line["method"]) for line in found["opt_outs"]] == [("call", "080")]


@committing
def test_right_after_a_merge_it_holds_both_sides_and_after_an_unmerge_one(shop: Source) -> None:
    hers, his = two_of_one_household(shop)
    case = ReviewCase.objects.get_or_create(
        left=min(hers, his), right=max(hers, his), defaults={"reason": "given names"}
    )[0]
    with transaction.atomic():
        identity.decide_case(OFFICER, case, "same")
    found = answers.access_package(subject_of(hers))
    emails = {record["values"]["email"][0][0] for record in found["records"]}
    assert emails == {"hana@x.kr", "duri@y.kr"} and len(found["golden"]) > 5
    assert {event["order_id"] for event in found["events"]} == {None, "o-her", "o-him"}
    with transaction.atomic():
        identity.decide_case(OFFICER, ReviewCase.objects.get(pk=case.pk), "different")
    assert "duri@y.kr" not in flat(answers.access_package(subject_of(hers)))


@committing
def test_what_came_in_a_moment_ago_is_in_it(shop: Source) -> None:
    hers, _ = two_of_one_household(shop)
    with transaction.atomic():
        store([told(shop, "h-1", "Page Viewed", 2)])
    agrees(hers)
    found = answers.access_package(subject_of(hers))
    assert found["events"][-1]["name"] == "Page Viewed" and found["consents_now"][0]["state"] == "granted"


@committing
def test_it_tells_who_looked_by_kind_only(shop: Source) -> None:
    hers, _ = two_of_one_household(shop)
    caller = Caller("profiles:read", "profiles:personal")
    home = Record.objects.get(pk=hers).profile_id
    caller.get(f"/profiles/{home}", personal="true", purpose="service")
    AuditEntry.objects.create(
        actor="user:1234", action="profile.unmasked", subject=subject_of(hers), details={"reason": "contact"}
    )
    found = answers.access_package(subject_of(hers))
    assert ("profile.unmasked", "user") in {(row["what"], row["by"]) for row in found["readings"]}
    assert "user:1234" not in flat(found)


@committing
def test_of_who_was_erased_it_knows_nothing(shop: Source) -> None:
    hers, _ = two_of_one_household(shop)
    subject = subject_of(hers)
    for hook in hooks().values():
        hook.erase(people.records_of(subject))
    found = answers.access_package(subject)
    assert [name for name, held in found.items() if held and name not in ("format", "made_at", "purposes")] == []


# --- the file -----------------------------------------------------------------------------------------------------------


class Words(HTMLParser):
    """The text of a page, and the tags it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@committing
def test_the_file_reads_in_korean_and_english_and_runs_nothing(shop: Source) -> None:
    hers, _ = two_of_one_household(shop)
    agrees(hers)
    file = zipfile.ZipFile(io.BytesIO(package_file.zipped(answers.access_package(subject_of(hers)))))
    assert file.namelist() == ["data.json", "ko.html", "en.html"]
    data = json.loads(file.read("data.json"))
    assert data["format"] == "access-package/1" and data["records"][0]["values"]["full_name"][0][0] == "김하나"
    for language, heading in (("ko", "본인의 개인정보"), ("en", "Your personal data")):
        page = file.read(f"{language}.html").decode()
        read = Words(page)
        assert f'lang="{language}"' in page and heading in read.text
        assert "hana@x.kr" in read.text and "<script>alert(1)</script> {{7*7}}" in read.text
        assert not read.tags & {"script", "img", "iframe", "link", "object", "a"}


# --- the link -----------------------------------------------------------------------------------------------------------


def follow(token: str, method: str = "post") -> Any:
    return getattr(Client(), method)(reverse("access-package", args=[token]))


@committing
def test_a_link_works_once_is_audited_and_holds_no_personal_value(shop: Source) -> None:
    hers, _ = two_of_one_household(shop)
    subject = subject_of(hers)
    link, token = package.issue(OFFICER, approved(subject).pk)
    assert follow(token, "get").status_code == 200, "looking does not use it up"
    answer = follow(token)
    assert answer.status_code == 200 and answer["Content-Type"] == "application/zip"
    assert "no-store" in answer["Cache-Control"] and zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
    assert [follow(token, method).status_code for method in ("post", "get")] == [404, 404]
    rows = AuditEntry.objects.filter(action__startswith="access_").order_by("at")
    assert [(row.action, row.subject, row.target) for row in rows] == [
        ("access_link.made", subject, str(link.pk)), ("access_package.fetched", subject, str(link.pk)),
    ]  # fmt: skip
    kept = str(list(PackageLink.objects.values())) + str(list(rows.values()))
    assert token not in kept and not [value for value in HER.values() if len(value) > 2 and value in kept + token]


@pytest.mark.django_db
def test_a_link_that_is_old_replaced_taken_back_or_unknown_is_answered_the_same() -> None:
    request = approved(uuid4(), "portability")
    old, replaced, back = (package.issue(OFFICER, approved(uuid4()).pk) for _ in range(3))
    PackageLink.objects.filter(pk=old[0].pk).update(expires_at=now() - timedelta(seconds=1))
    fresh = package.issue(OFFICER, replaced[0].request_id)
    assert package.revoke(OFFICER, back[0].request_id) == 1
    answers = {
        follow(token).content.partition(b"<h1>")[2] for token in (old[1], replaced[1], back[1], "unknown", "x" * 900)
    }
    assert len(answers) == 1 and {follow("unknown", m).status_code for m in ("get", "post")} == {404}
    assert package.works(fresh[1]) is not None and package.issue(OFFICER, request.pk)


@pytest.mark.django_db
def test_only_an_approved_request_for_access_portability_or_explanation_has_a_link() -> None:
    assert package.issue(OFFICER, approved(uuid4(), "explanation").pk)[1]
    PackageLink.objects.all().delete()
    erasure, waiting = approved(uuid4(), "erasure"), actions.open_request(OFFICER, "access", uuid4())
    for wrong in (erasure.pk, waiting.pk, uuid4()):
        with pytest.raises(Refused):
            package.issue(OFFICER, wrong)
    with pytest.raises(Refused, match="30 days"):
        package.issue(OFFICER, approved(uuid4()).pk, hours=31 * 24)
    assert not PackageLink.objects.exists()


@committing
def test_of_two_at_once_one_gets_it_and_a_failure_uses_nothing_up() -> None:
    _link, token = package.issue(OFFICER, approved(uuid4()).pk)

    def fail(subject: UUID) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        package.use(token, fail)
    begin, got = threading.Barrier(4), list[Any]()

    def work() -> None:
        begin.wait(60)
        got.append(package.use(token, lambda subject: subject))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(got) == 4 and sum(one is not None for one in got) == 1


@pytest.mark.django_db
def test_a_tool_makes_a_link_by_its_scope_alone() -> None:
    request = approved(uuid4())
    refused = Caller("profiles:personal").post(f"/privacy/requests/{request.pk}/link", {})
    assert refused.status_code == 403
    made = Caller("privacy:write").post(f"/privacy/requests/{request.pk}/link", {"hours": 2})
    assert made.status_code == 201 and "no-store" in made.headers["Cache-Control"]
    token = made.json()["url"].rstrip("/").rpartition("/")[2]
    assert package.works(token) is not None
    assert PackageLink.objects.get().created_by.startswith("key:")
    assert not DataKey.objects.exists()


@pytest.mark.django_db
def test_an_officer_makes_a_link_that_is_shown_once() -> None:
    request, officer = approved(uuid4()), signed_in("privacy officer")
    page = officer.post(f"/consent/packagelink/make/{request.pk}/")
    link = PackageLink.objects.get()
    token = page.content.decode().partition("/access-packages/")[2].partition("<")[0].strip()
    assert page.status_code == 200 and package.works(token) == link and "no-store" in page["Cache-Control"]
    for place in ("/consent/packagelink/", f"/consent/packagelink/{link.pk}/change/"):
        shown = officer.get(place)
        assert shown.status_code == 200 and token not in shown.content.decode()
    assert signed_in("marketer").post(f"/consent/packagelink/make/{request.pk}/").status_code == 403
    assert "Make a link" in officer.get(f"/consent/privacyrequest/{request.pk}/change/").content.decode()
