"""What the tests of identity begin with."""

import pytest

from cdp.events.models import Source
from tests.identity.test_profiles import Sender


@pytest.fixture
def source() -> Source:
    return Source.objects.create(name="web", channel_id="web", brand="haru", zone="Asia/Seoul", currency="KRW")


@pytest.fixture
def sender(source: Source) -> Sender:
    return Sender(source)
