"""A table that nothing is in says what to do next."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from cdp.core.admin import Room
from cdp.core.models import User

ROOMS = [room for room in admin.site._registry.values() if isinstance(room, Room)]


def test_every_table_has_a_first_step() -> None:
    assert len(ROOMS) > 60 and [room for room in ROOMS if not str(room.first_step)] == []


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ko"])
def test_an_empty_table_says_what_to_do(root: User, client: Client, language: str) -> None:
    client.force_login(root)
    told = set()
    for room in [room for room in ROOMS if not room.model._default_manager.exists()]:
        meta = room.model._meta
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        page: Any = client.get(address, headers={"accept-language": language}).content.decode()
        with override(language):
            said = str(room.first_step)
        assert "empty none" not in page or said.replace("'", "&#x27;") in page, meta.model_name
        told |= {said} if "empty none" in page else set()
    assert len(told) > 10
