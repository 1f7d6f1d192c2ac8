"""`manage.py create_service_key` prints a secret that opens what was asked for, or says what is wrong."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdp.api.authentication import find_key
from cdp.core.models import ServiceKey
from consent.actions import ship_rows

pytestmark = pytest.mark.django_db
BOUND = {"purpose": "marketing", "contact_channel": "email"}
WRONG: list[dict[str, Any]] = [
    {"scope": ["nope"]}, {"scope": [""]}, {"name": ""}, {"name": "n" * 101}, {"days": 0}, {"days": -1},
    {"days": 10**9}, {"days": 10**20}, {"purpose": "markting"}, {"purpose": "p" * 300}, {"contact_channel": "fax"},
]  # fmt: skip


def make(name: str = "tool", **options: Any) -> str:
    out = StringIO()
    call_command("create_service_key", name, **{"scope": ["members:read"], **options}, stdout=out)
    return out.getvalue().strip()


def test_it_prints_a_secret_that_is_bound_as_asked() -> None:
    ship_rows("default")
    key = find_key(make(**BOUND))
    assert (key.scopes, key.purpose, key.contact_channel) == (["members:read"], "marketing", "email")


@pytest.mark.parametrize("wrong", WRONG)
def test_it_refuses_what_cannot_be_meant(wrong: dict[str, Any]) -> None:
    ship_rows("default")
    with pytest.raises(CommandError):
        make(**wrong)
    assert not ServiceKey.objects.exists()
