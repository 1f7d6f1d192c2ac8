"""What somebody with an account may try: searching hidden fields, NUL, rules that no parser survives, more rights."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cdp.console import state
from cdp.core.models import ServiceKey, User
from identity.models import Profile, Record
from segments.models import Segment
from tests.console.conftest import account
from tests.console.test_pages import page, shown_models, signed_in

pytestmark = pytest.mark.django_db
RULE = {"trait": "has_email", "op": "eq", "value": True}
UNREADABLE = {
    "nested": '{"not":' * 5000 + json.dumps(RULE) + "}" * 5000,
    "surrogate": r'{"trait": "region", "op": "eq", "value": "\ud800"}',
    "huge number": '{"trait": "orders_count", "op": "gt", "value": %s}' % ("9" * 5000),
}


@pytest.fixture
def auditor(world: dict[str, Any]) -> Client:
    return signed_in("auditor")


@pytest.fixture
def everything(world: dict[str, Any], root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (ServiceKey, "digest__startswith=a"), (Record, "attributes__startswith=a"), (Record, "traits__region=x"),
        (Profile, "state__regex=(a%2B)%2B$"), (Profile, "state__regex=["), (Segment, "owner__password__startswith=p"),
        (Segment, "rule__contains=x"), (Profile, "id__regex=0"),
    ],
)  # fmt: skip
def test_only_the_filters_of_a_page_narrow_it(auditor: Client, model: Any, query: str) -> None:
    assert auditor.get(f"{page(model)}?{query}").status_code == 400


def test_every_filter_that_a_page_offers_opens(everything: Client) -> None:
    for model in shown_models():
        shown: Any = everything.get(page(model)).context_data
        for spec in shown["cl"].filter_specs if shown else []:
            for choice in spec.choices(shown["cl"]):
                address = page(model) + choice["query_string"]
                assert everything.get(address).status_code == 200, address


def test_every_link_of_the_first_page_opens(auditor: Client, world: dict[str, Any]) -> None:
    told = state.of_the_whole(User.objects.get(username="auditor"))
    links = [row.url for row in told.channels] + [number.url for number in told.numbers]
    assert links and all(auditor.get(link).status_code == 200 for link in links)


def test_nul_is_refused_everywhere(everything: Client) -> None:
    for model in shown_models():
        for address in (f"{page(model)}?state=%00", f"{page(model)}?q=%00", f"{page(model)}a%00b/change/", "/r/5/%00/"):
            assert everything.get(address).status_code == 400, address


@pytest.mark.parametrize("rule", UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_rule_that_cannot_be_read_is_a_mistake_on_the_page(world: dict[str, Any], rule: str) -> None:
    written = {"name": "x", "key": "x", "purpose": "marketing", "zone": "Asia/Seoul", "refresh_minutes": 60}
    answer = signed_in("marketer").post(page(Segment, "add"), {**written, "rule": rule})
    assert answer.status_code == 200 and answer.context["adminform"].form.errors.keys() == {"rule"}
    assert not Segment.objects.filter(key="x").exists()


def test_a_key_that_is_an_address_of_the_api_is_refused(world: dict[str, Any]) -> None:
    written = {"name": "x", "key": "preview", "purpose": "marketing", "zone": "Asia/Seoul", "refresh_minutes": 60}
    answer = signed_in("marketer").post(page(Segment, "add"), {**written, "rule": json.dumps(RULE)})
    assert answer.status_code == 200 and "address of the API" in answer.content.decode()
    assert not Segment.objects.filter(key="preview").exists()


def test_an_administrator_becomes_no_superuser(world: dict[str, Any]) -> None:
    client = signed_in("administrator")
    own = User.objects.get(username="administrator")
    given = {
        "username": own.username, "is_active": "on", "is_staff": "on", "is_superuser": "on", "user_permissions": "1",
        "groups": [str(group.pk) for group in own.groups.all()], "date_joined_0": "2026-01-01", "date_joined_1": "00:00",
    }  # fmt: skip
    assert client.post(page(User, "change", own.pk), given).status_code == 302
    own.refresh_from_db()
    assert not own.is_superuser and not own.user_permissions.exists() and own.groups.exists()


def test_an_administrator_changes_no_superuser(world: dict[str, Any]) -> None:
    root, client = account(), signed_in("administrator")
    for address in (page(User, "change", root.pk), reverse("admin:auth_user_password_change", args=[root.pk])):
        answer = client.post(address, {"username": "mine", "password1": "long enough 1", "password2": "long enough 1"})
        assert answer.status_code == 403
