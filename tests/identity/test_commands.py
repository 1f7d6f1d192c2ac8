"""The commands of identity say in a sentence what is wrong with a file."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from cdp.core.models import AuditEntry
from cdp.core.types import now
from identity.incident import exposure
from identity.management.commands import export_assignments
from tests.consent.people import person

pytestmark = pytest.mark.django_db
NO_TRUTHS = {
    "empty": b"",
    "binary": b"\xea\x00\xff",
    "only a header": b"source,external_id,person\n",
    "no person": b"source,external_id\nshop,1\n",
    "nobody known": b"source,external_id,person\nnowhere,1,1\n",
    "half a line": b"source,external_id,person\nshop,1\n",
}


@pytest.mark.parametrize("content", NO_TRUTHS.values(), ids=list(NO_TRUTHS))
def test_a_truth_that_says_nothing_is_no_perfect_result(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_bytes(content)
    with pytest.raises(CommandError, match="The truth must be a CSV file"):
        call_command("evaluate_linkage", truth=tmp_path / "truth.csv")


@pytest.mark.parametrize("place", ["", "nowhere/profiles.csv"])
def test_assignments_need_a_file_that_can_be_written(place: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_assignments", str(tmp_path / place))


def test_whom_assignments_told_of_is_found_by_the_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_assignments, "ROWS_A_PART", 2)
    people = {person()[0] for _ in range(3)}
    call_command("export_assignments", tmp_path / "profiles.csv")
    assert len((tmp_path / "profiles.csv").read_text().splitlines()) == 4
    [export] = {told["export"] for told in AuditEntry.objects.values_list("details", flat=True)}
    found = exposure(now() - timedelta(hours=1), now() + timedelta(hours=1), export=export)
    assert set(found.profiles) == people and found.actions["assignments.exported"] == 2


def test_linkage_without_records_has_nothing_to_learn_and_nothing_to_change() -> None:
    with pytest.raises(CommandError, match="There is no model live"):
        call_command("linkage", "show", "live")
    out = StringIO()
    call_command("linkage", "train", stdout=out)
    call_command("linkage", "show", stdout=out)
    assert "packaged" in out.getvalue() and "draft" in out.getvalue()
