"""Nobody is served from a restored database before the erasures that it has forgotten are done again."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured

from cdp.core import startup
from cdp.core.types import now
from consent import journal, statutes
from tests.core.test_startup import deployment, start

__all__ = ["deployment"]


def test_a_restored_deployment_does_not_serve(deployment: dict[str, str], settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_JOURNAL = str(tmp_path / "erasures.jsonl")
    journal.begun(journal.Entry(uuid4(), now(), [uuid4()], [bytes(32)], 1))
    result = start(deployment | {"CDP_ERASURE_JOURNAL": settings.ERASURE_JOURNAL})
    assert result.returncode != 0 and "serving" not in result.stdout
    assert "replay_erasures" in result.stderr


@pytest.mark.django_db
def test_on_a_laptop_neither(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_JOURNAL, settings.CDP_DEBUG = str(tmp_path / "erasures.jsonl"), True
    startup.refuse_unsafe()
    journal.begun(journal.Entry(uuid4(), now(), [uuid4()], [bytes(32)], 1))
    with pytest.raises(ImproperlyConfigured, match="replay_erasures"):
        startup.refuse_unsafe()
    Path(settings.ERASURE_JOURNAL).write_text("nonsense\n")
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        startup.refuse_unsafe()


def test_a_statute_that_does_not_exist_is_refused(settings: Any) -> None:
    settings.RETENTION_STATUTES = ["kr_ecommerce", "hammurabi"]
    with pytest.raises(ImproperlyConfigured, match="hammurabi"):
        statutes.refuse_unknown()
