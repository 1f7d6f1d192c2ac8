"""JSON on staff pages: names with values, in words where there are some, and nothing of it as markup."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import JSONField

from cdp.core.admin import ReadOnlyRoom
from cdp.core.facts import readable
from cdp.core.models import AuditEntry


def shown(value: Any) -> str:
    name, column = readable(AuditEntry, ["action", "details"], {"old": "Old & grey"}.get)  # type: ignore[arg-type]
    assert name == "action"
    return str(column(SimpleNamespace(details=value)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"old": True}, '<dl class="facts"><dt title="old">Old &amp; grey</dt><dd>yes</dd></dl>'),
        ({"old": ["<b>", 2]}, '<dl class="facts"><dt title="old">Old &amp; grey</dt><dd>&lt;b&gt;, 2</dd></dl>'),
        ([{"old": None}], '<ol><li><dl class="facts"><dt title="old">Old &amp; grey</dt><dd>–</dd></dl></li></ol>'),
        ({}, "–"),
    ],
)
def test_values_stand_under_their_names(value: Any, text: str) -> None:
    assert shown(value) == text


def test_no_page_that_only_shows_a_row_shows_raw_json() -> None:
    for model, room in admin.site._registry.items():
        if isinstance(room, ReadOnlyRoom) and room.change_form_template is None:
            held = {field.name for field in model._meta.fields if isinstance(field, JSONField)}
            assert not held & {name for name in room.get_fields(None) if isinstance(name, str)}, model
