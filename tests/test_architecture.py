"""One command tells the truth: layers, style, types, migrations."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cdp", "identity", "consent", "segments")
# The project's own modules, which belong to no layer.
PROJECT = {"cdp", "cdp.settings", "cdp.celery", "cdp.wsgi", "cdp.apps"}


def run(*command: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}
    )
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-4000:]


def test_style() -> None:
    run("ruff", "check", ".")


def test_format() -> None:
    run("ruff", "format", "--check", ".")


def test_types() -> None:
    run("mypy")


def test_layers() -> None:
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]


def test_every_module_is_in_a_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {name.strip() for layer in contracts[0]["layers"] for name in layer.split("|")}
    modules = {module_of(path) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    uncovered = {module for module in modules - PROJECT if not covered(module, layers)}
    assert uncovered == set()


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def covered(module: str, layers: set[str]) -> bool:
    return any(module == layer or module.startswith(f"{layer}.") for layer in layers)


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=1)


def test_nothing_stands_beside_what_the_layout_names() -> None:
    kept = {"pyproject.toml", "README.md", "manage.py", "LICENSE", "compose.yaml", "docs", *PACKAGES, "tests"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    top = {name.split("/")[0] for name in tracked} if tracked else found
    assert {name for name in top if not name.startswith(".")} <= kept
