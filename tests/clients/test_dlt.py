"""dlt's own source for REST, with the configuration that we ship, into DuckDB."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import pytest
from django.conf import settings

from cdp.core.models import AuditEntry
from segments import actions
from tests.api.people import NOW, filled, people, says

pytestmark = pytest.mark.django_db(transaction=True)
SHIPPED = Path(settings.BASE_DIR) / "docs" / "clients" / "cdp_dlt.py"


@pytest.fixture
def run(url: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Run the pipeline anew, as another process would: what it knows is what it wrote."""
    for name, value in {"DLTHUB_TELEMETRY": "false", "LOG_LEVEL": "ERROR"}.items():
        monkeypatch.setenv(f"RUNTIME__{name}", value)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    spec = importlib.util.spec_from_file_location("cdp_dlt", SHIPPED)
    assert spec and spec.loader
    shipped = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shipped)

    def run() -> Any:
        place = dlt.destinations.duckdb(str(tmp_path / "house.duckdb"))
        pipeline = dlt.pipeline("cdp", pipelines_dir=str(tmp_path / "dlt"), destination=place, dataset_name="cdp")
        pipeline.run(shipped.segment(url, key, "vip", "marketing", "email", rows=2))
        return pipeline

    return run


def rows(pipeline: Any, statement: str) -> list[tuple[Any, ...]]:
    with pipeline.sql_client() as client:
        return list(client.execute_sql(statement))


def members(pipeline: Any) -> set[str]:
    return {row[0] for row in rows(pipeline, "select profile_id from members")}


def changes(pipeline: Any) -> list[tuple[Any, ...]]:
    return rows(pipeline, "select kind, reason, profile_id from changes order by seq")


def test_all_members_then_nothing_then_exactly_the_changes(run: Callable[[], Any]) -> None:
    made, ids = filled(5)
    pipeline = run()
    assert members(pipeline) == {str(one) for one in ids}
    first = changes(pipeline)
    assert {(kind, profile) for kind, _, profile in first} == {("entered", str(one)) for one in ids}

    told = AuditEntry.objects.filter(action="segment.changes_read").count()
    again = run()
    assert changes(again) == first
    assert "changes" not in again.last_trace.last_normalize_info.row_counts
    assert AuditEntry.objects.filter(action="segment.changes_read").count() == told > 0, "nobody was told of anybody"

    says(ids[0], "withdrawn")
    [newcomer] = people(1, orders_count=3)
    says(newcomer, "granted")
    actions.recompute(made.pk, NOW)
    pipeline = run()
    assert changes(pipeline)[len(first) :] == [
        ("left", "consent", str(ids[0])), ("entered", "rule", str(newcomer)),
    ]  # fmt: skip
    assert members(pipeline) == {*map(str, ids[1:]), str(newcomer)}
