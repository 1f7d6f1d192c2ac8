"""What people call the actors of audit rows."""

import pytest

from cdp.core.actions import create_service_key
from cdp.core.models import ServiceKey, User
from cdp.core.queries import actor_names
from cdp.core.types import Actor, uuid7

pytestmark = pytest.mark.django_db


def test_accounts_and_keys_go_by_name_and_who_is_known_no_more_by_id() -> None:
    ann = User.objects.create_user("ann")
    create_service_key(Actor.system("test"), "crm", ["segments:read"])
    key, gone = ServiceKey.objects.get(), f"user:{uuid7()}"
    actors = {f"user:{ann.pk}": "ann", f"key:{key.pk}": "crm", gone: gone, "system:retention": "retention"}
    assert actor_names(set(actors)) == actors
