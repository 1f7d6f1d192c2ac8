"""Computed traits in the console: written, refused beside the field, published, shown on the page of a profile."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cdp.core.models import AuditEntry, User
from segments import traits
from segments.models import ComputedTrait
from tests.console.conftest import account
from tests.segments.people import happened, person

pytestmark = pytest.mark.django_db
ADD = "admin:segments_computedtrait_add"
WRITTEN: dict[str, Any] = {
    "label_ko": "90일 주문 수", "label_en": "Orders in 90 days", "key": "orders_90d", "kind": "count",
    "value_type": "string", "event": "Order Completed", "path": "", "condition": '{"within": {"days": 90}}',
    "data_class": "general", "zone": "Asia/Seoul", "refresh_minutes": "60",
}  # fmt: skip


@pytest.fixture
def client(rows: None) -> Client:
    made = Client()
    made.force_login(account("marketer"))
    return made


def address(name: str, trait: ComputedTrait) -> str:
    return reverse(f"admin:segments_{name}", args=[trait.pk])


def test_a_marketer_writes_publishes_and_archives_one(client: Client) -> None:
    assert client.get(reverse(ADD)).status_code == 200
    assert client.post(reverse(ADD), WRITTEN).status_code == 302
    made = ComputedTrait.objects.get()
    assert (made.state, made.condition) == ("draft", {"within": {"days": 90}})
    client.post(address("trait_publish", made))
    one = person(events_count=1)
    happened(one, "Order Completed")
    traits.recompute(made.pk)
    client.cookies["django_language"] = "ko"
    shown = client.get(address("computedtrait_change", made)).content.decode()
    assert "computed.orders_90d" in shown and 'name="kind"' not in shown
    profile = client.get(reverse("admin:identity_profile_change", args=[one])).content.decode()
    assert "90일 주문 수" in profile
    changed = {**WRITTEN, "event": "Viewed", "label_en": "Views"}
    assert client.post(address("computedtrait_change", made), changed).status_code == 302
    assert ComputedTrait.objects.get().event == "Viewed"
    client.post(address("trait_archive", made))
    assert ComputedTrait.objects.get().state == "archived"
    done = list(AuditEntry.objects.filter(action__startswith="computed").values_list("action", flat=True))
    steps = ("created", "published", "changed", "archived")
    assert [f"computed_trait.{step}" for step in steps] == [one for one in done if one.startswith("computed_trait")]


def test_a_mistake_stands_beside_its_field(client: Client) -> None:
    wrong = WRITTEN | {"kind": "first", "path": "email", "condition": "", "zone": "Asia/Seoul"}
    errors = client.post(reverse(ADD), wrong).context["adminform"].form.errors
    assert list(errors) == ["path"] and "sealed" in errors["path"][0]
    errors = client.post(reverse(ADD), WRITTEN | {"condition": '{"where": 3}'}).context["adminform"].form.errors
    assert list(errors) == ["condition"] and errors["condition"][0].startswith("/where")
    errors = client.post(reverse(ADD), WRITTEN | {"zone": "Mars", "condition": "{"}).context["adminform"].form.errors
    assert list(errors) == ["condition"]
    errors = client.post(reverse(ADD), WRITTEN | {"zone": "Mars"}).context["adminform"].form.errors
    assert list(errors) == ["zone"] and not ComputedTrait.objects.exists()


def test_others_neither_write_nor_publish(client: Client) -> None:
    client.post(reverse(ADD), WRITTEN)
    made = ComputedTrait.objects.get()
    reader = Client()
    reader.force_login(account("auditor"))
    assert reader.get(address("computedtrait_change", made)).status_code == 200
    for name in ("trait_publish", "trait_archive"):
        assert reader.post(address(name, made)).status_code == 403
    assert reader.post(reverse(ADD), WRITTEN).status_code == 403
    assert User.objects.count() == 2 and ComputedTrait.objects.get().state == "draft"
