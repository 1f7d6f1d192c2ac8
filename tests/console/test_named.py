"""What stands on the pages of tables is in the reader's words: names of columns and filters, keys, times, permissions."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.contrib.auth.models import Group, Permission
from django.test import Client, RequestFactory
from django.utils.translation import override

from cdp.core.models import AuditEntry, DataKey, User
from cdp.core.permissions import permission_word
from cdp.core.roles import ROLES, permissions
from consent.models import ConsentRecord, Effective
from identity.models import Claim, HouseholdHint, Identifier, Link, Record
from segments.models import Version
from tests.console.test_pages import page, shown_models

pytestmark = pytest.mark.django_db
HANGUL = re.compile("[가-힣]")
# What is called so in Korean too.
SAME = {"id", "ID", "SKU", "SHA-256"}
# Their rows have pages of their own.
OWN = {"PrivacyRequest", "Profile", "ReviewCase"}
RAW_TIME = re.compile(r"\d\d:\d\d:\d\d\.\d{6}")


@pytest.fixture
def reader(world: dict[str, Any], root: User) -> Client:
    client = Client(headers={"accept-language": "ko"})
    client.force_login(root)
    return client


def test_columns_and_filters_have_korean_names(world: dict[str, Any], root: User) -> None:
    request = RequestFactory().get("/")
    request.user = root
    with override("ko"):
        named = {(model.__name__, name) for model in shown_models() for name in names(model, request)}
    assert len(named) > 300
    assert not [one for one in named if not HANGUL.search(one[1]) and one[1] not in SAME]


def names(model: Any, request: Any) -> Iterator[str]:
    """What the columns and the filters of a table's list, and the lines of a row, are called."""
    room = admin.site._registry[model]
    shown = [*room.get_list_display(request)]
    if model.__name__ not in OWN and not room.has_add_permission(request):
        shown += room.get_fields(request)
    yield from (str(label_for_field(one, model, room)) for one in shown)
    yield from (str(filter.title) for filter in room.get_changelist_instance(request).filter_specs)


@pytest.mark.parametrize(
    ("model", "word", "key"),
    [(Record, "고객", ">customer<"), (Identifier, "이메일", ">email<"), (HouseholdHint, "이름이 서로 다름", ">given names<"),
     (Effective, "마케팅 정보 수신", ">marketing<"), (ConsentRecord, "마케팅 정보 수신", ">marketing<")],
)  # fmt: skip
def test_keys_are_listed_in_words(reader: Client, model: Any, word: str, key: str) -> None:
    listed = reader.get(page(model)).content.decode()
    listed = listed[listed.index('id="result_list"') :]
    assert word in listed and key not in listed


@pytest.mark.parametrize("model", [Claim, DataKey, Link, Version])
def test_a_row_is_written_for_reading(reader: Client, model: Any) -> None:
    row = model.objects.first()
    shown = reader.get(page(model, "change", row.pk)).content.decode()
    assert not RAW_TIME.search(shown) and "None" not in re.sub(r"<[^>]*>", "", shown)
    assert not re.search(r"<h2>[^<]*[0-9a-f]{8}-[0-9a-f]{4}-", shown)


def test_each_permission_of_a_role_has_words(world: dict[str, Any]) -> None:
    held = permissions(grant for grants in ROLES.values() for grant in grants)
    with override("ko"):
        told = [permission_word(one) for one in held]
    assert len(told) > 60 and len(set(told)) == len(told)
    assert not [one for one in told if not all(map(HANGUL.search, re.split(" [›·] ", one)))]


def test_what_a_group_may_do_is_chosen_in_words_and_changed_on_record(reader: Client) -> None:
    group = Group.objects.get(name="auditor")
    form = page(Group, "change", group.pk)
    assert "› 감사 기록 · 보기" in reader.get(form).content.decode()
    given = Permission.objects.get(codename="unmask_golden")
    kept = [*group.permissions.values_list("pk", flat=True), given.pk]
    assert reader.post(form, {"name": "auditor", "permissions": kept}).status_code == 302
    assert group.permissions.filter(pk=given.pk).exists()
    entry = AuditEntry.objects.filter(action="group.changed").latest("id")
    assert (entry.target, entry.details) == (str(group.pk), {"fields": ["permissions"]})
