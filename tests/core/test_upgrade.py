"""Migrations run while processes of the version before still serve: after the first release they only add."""

from importlib import import_module
from pathlib import Path

import pytest
from django.db import models
from django.db.migrations import operations as step
from django.db.models import NOT_PROVIDED

from tests.flow.processes import ROOT

# The last migration of each package that the first release has.
FIRST_RELEASE = {
    "cdp.core": 5, "cdp.events": 6, "identity": 11, "cdp.profiles": 4, "consent": 7, "cdp.lake": 1, "segments": 12,
    "cdp.ingestion": 2,
}  # fmt: skip
# What takes away, or gives another name or meaning to, what the version before writes.
TAKES_AWAY = (step.RemoveField, step.DeleteModel, step.RenameField, step.RenameModel, step.AlterModelTable)


def numbered(path: Path) -> tuple[str, int]:
    package = ".".join(path.parent.parent.relative_to(ROOT).parts)
    return package, int(path.stem[:4])


LATER = [
    path
    for path in sorted(ROOT.glob("*/migrations/0*.py")) + sorted(ROOT.glob("cdp/*/migrations/0*.py"))
    if numbered(path)[1] > FIRST_RELEASE[numbered(path)[0]]
]


def problems(operations: list[object]) -> list[str]:
    """What processes of the version before would stumble over."""
    made = {one.name.lower() for one in operations if isinstance(one, step.CreateModel)}
    found = [type(one).__name__ for one in operations if isinstance(one, TAKES_AWAY)]
    for one in operations:
        if isinstance(one, step.AddField) and one.model_name.lower() not in made and not optional(one.field):
            found.append(f"{one.model_name}.{one.name} has neither db_default nor null")
    return found


def optional(field: "models.Field") -> bool:
    return field.null or field.db_default is not NOT_PROVIDED or field.many_to_many


@pytest.mark.parametrize("path", LATER, ids=lambda path: path.stem)
def test_a_migration_only_adds(path: Path) -> None:
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert problems(module.Migration.operations) == [], (
        "Processes of the version before still write: add first, and take away one release later."
    )


def test_what_takes_away_is_noticed() -> None:
    text = models.TextField(default="")
    assert problems([step.RemoveField("run", "state"), step.AddField("Run", "why", text)]) == [
        "RemoveField", "Run.why has neither db_default nor null",
    ]  # fmt: skip
    assert problems([step.CreateModel("Run", []), step.AddField("run", "why", text)]) == []
    assert problems([step.AddField("run", "why", models.TextField(db_default=""))]) == []
