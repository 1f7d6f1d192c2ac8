"""A source with its key, and nothing remembered from the test before."""

from collections.abc import Iterator

import pytest

from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Source
from cdp.ingestion import sources


@pytest.fixture(autouse=True)
def forget_sources() -> Iterator[None]:
    sources.forget()
    yield
    sources.forget()


@pytest.fixture
def shop() -> tuple[Source, str]:
    """A web source of brand `haru` in won, and its write key."""
    return create_source(Actor.system("test"), "shop", "web", brand="haru", zone="Asia/Seoul", currency="KRW")
