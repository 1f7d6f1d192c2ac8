"""Nothing remembered from the test before."""

from collections.abc import Iterator

import pytest

from cdp.ingestion import sources


@pytest.fixture(autouse=True)
def forget_sources() -> Iterator[None]:
    sources.forget()
    yield
    sources.forget()
