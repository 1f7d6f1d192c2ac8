from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cdp.demo.retailer import Retailer, generate
from tests.demo.reading import Folder

NOW = datetime(2026, 3, 17, 6, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def retailer() -> Retailer:
    return generate(1500, 7, now=NOW)


@pytest.fixture(scope="session")
def folder(retailer: Retailer, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path = tmp_path_factory.mktemp("retailer")
    retailer.write(path)
    return Folder(path)
