"""One command tells the truth: layers, style, types, migrations."""

import ast
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cdp", "identity", "consent", "segments")
# The project's own modules, which belong to no layer.
PROJECT = {"cdp", "cdp.settings", "cdp.celery", "cdp.wsgi", "cdp.apps"}
# What a package shows to the others.
SHOWN = {"actions", "queries", "types"}
# Packages with rooms of their own in `cdp`; core is everybody's, and pipeline and answers are asked as a whole.
ROOMS = ("events", "profiles", "lake", "ingestion", "api", "console", "demo", "management")
OPEN = ("cdp.core", "cdp.pipeline", "cdp.answers")
# module → what it imports of another package beside actions, queries and types.
JUSTIFIED = {
    # Addresses.
    "cdp.urls": {"cdp.console.health", "cdp.console.metrics", "cdp.console.person", "cdp.ingestion.urls"},
    # How an identifier is written: pure, and the same wherever one is indexed.
    "cdp.ingestion.gate": {"consent.suppression", "identity.linkage.normalise"},
    "cdp.ingestion.who": {"identity.linkage.normalise"},
    "cdp.profiles.actions": {"identity.linkage.normalise"},
    "cdp.profiles.queries": {"identity.linkage.normalise"},
    "cdp.profiles.traits": {"identity.linkage.normalise"},
    "consent.actions": {"identity.linkage.normalise"},
    "consent.challenges": {"identity.linkage.normalise"},
    "consent.value_files": {"identity.linkage.normalise"},
    # What signals of consent mean, and how a TCF string is written: pure.
    "cdp.ingestion.consents": {"consent.signals", "consent.tcf", "identity.linkage.normalise"},
    "cdp.ingestion.sources": {"consent.signals"},
    # Consent by REST: forms, receipts, what is owed or in conflict; whose answers they are.
    "cdp.api.consents": {
        "cdp.ingestion.who", "consent.forms", "consent.models", "consent.receipts", "consent.results", "consent.signals",
    },
    "cdp.api.consent_shapes": {"consent.models"},
    # A steward's corrections go with the record whose values they correct.
    "consent.retention": {"identity.parting"},
    # The suppression list is one, at every door: what arrives, what becomes a record, what a steward enters.
    "consent.suppression": {"identity.fold", "identity.linkage.normalise"},
    "cdp.ingestion.actions": {"consent.suppression"},
    "cdp.console.steward": {"consent.suppression"},
    "cdp.api.stewards": {"consent.suppression"},
    # A person's own copy: its link and its file.
    "cdp.api.packages": {"consent.package", "consent.package_file"},
    # What waits in quarantine, erased by the digests of a person's identifiers.
    "cdp.ingestion.privacy": {"cdp.events.models"},
    "cdp.ingestion.reindex": {"cdp.events.models"},
    # What events and fields are called in the reader's language: pure.
    "cdp.profiles.admin": {"cdp.events.words"},
    "cdp.console.templatetags.console": {"cdp.events.words"},
    # What the tracking plan tells tools.
    "cdp.api.tracking": {"cdp.events.tracking.plans", "cdp.events.tracking.shown"},
    # How good what arrives is: its page, and what tools are told.
    "cdp.api.quality": {"cdp.events.quality.reading"},
    "cdp.console.quality": {"cdp.events.quality.reading", "cdp.events.quality.usual", "cdp.events.words"},
    "cdp.console.state": {"cdp.events.quality.reading"},
    # Places, products and reference values from files.
    "cdp.ingestion.reference": {"cdp.events.reference"},
    "cdp.ingestion.management.commands.load_reference": {"cdp.events.reference"},
    # A file given to the console: whose it is, and its rows' way.
    "cdp.ingestion.uploads": {"cdp.events.quarantine"},
    "cdp.console.uploads": {
        "cdp.events.models", "cdp.ingestion.mapping", "cdp.ingestion.models", "cdp.ingestion.preview", "cdp.ingestion.uploads",
        "cdp.ingestion.words",
    },
    # What an event is held to, compiled: pure.
    "cdp.ingestion.plan": {"cdp.events.tracking.schema"},
    # What becomes of it: asked for and worked on row by row; a file's mapping is kept for it.
    "cdp.ingestion.imports": {"cdp.events.quarantine"},
    "cdp.ingestion.places": {"cdp.events.quarantine"},
    "cdp.ingestion.pulls": {"cdp.events.quarantine"},
    "cdp.ingestion.management.commands.quarantine": {"cdp.events.quarantine"},
    "cdp.ingestion.replay": {"cdp.events.quarantine"},
    "cdp.ingestion.streams": {"cdp.events.quarantine"},
    "cdp.console.quarantine": {"cdp.events.models", "cdp.events.quarantine", "cdp.ingestion.replay"},
    # What a tombstone knows of a person: digests of their records, as the list and the journal keep them.
    "segments.tombstones": {"consent.suppression"},
    # A segment's foreign key to its purpose, and the contact channels that it may name.
    "segments.admin": {"consent.models"},
    "segments.approval": {"consent.models"},
    "segments.segment_form": {"consent.models"},
    # What an uploaded list names is read as what records hold, and stopped by the suppression list, as at every door.
    "segments.lists": {"consent.suppression", "identity.linkage.normalise"},
    "cdp.api.lists": {"segments.lists", "segments.models"},
    "cdp.api.traits": {"segments.models", "segments.query.problems", "segments.traits"},
    "cdp.api.trait_shapes": {"segments.models"},
    "cdp.api.versions": {
        "segments.dropoff", "segments.glimpses", "segments.models", "segments.review", "segments.versions",
    },
    "segments.explanation": {"consent.models"},
    "segments.export_file_admin": {"consent.models"},
    "segments.explanation_admin": {"cdp.events.words", "consent.models"},
    "segments.queries": {"consent.models"},
    "segments.contacts": {"consent.suppression"},
    "segments.types": {"consent.models"},
    "segments.vocabulary": {"cdp.events.words", "consent.models"},
    # The batch run: loaded when it starts, for Splink is large.
    "cdp.pipeline": {
        "cdp.events.quality.measuring", "consent.suppression", "identity.models", "identity.resolution", "segments.delivery_plan",
    },
    # What a person is told, and the case that a rehearsed verdict is on.
    "cdp.answers": {"consent.package_content", "consent.people", "identity.models"},
    # What is done with linkage models by hand: trials load Splink too.
    "cdp.management.commands.linkage": {"identity.models", "identity.registry", "identity.trial"},
    # Admin pages that span packages are registered for a table.
    "cdp.console.admin": {"identity.models"},
    # What the builder of rules suggests: names of the latest events, paths of their properties as rules write them, segments.
    "cdp.console.builder": {"cdp.events.words", "segments.models", "segments.offered", "segments.query.catalog"},
    "cdp.api.catalog": {"segments.offered"},
    "segments.offered": {
        "cdp.events.models", "cdp.events.tracking.plans", "cdp.events.tracking.shown", "cdp.events.words",
    },
    # What a steward is told of a case, and how stewards' verdicts judge the model.
    "cdp.console.review": {"identity.casework", "identity.models"},
    "cdp.api.review": {"identity.evaluation"},
    # The page of a model, with the charts that Splink draws of it.
    "cdp.console.linkage": {
        "identity.estimation", "identity.evaluation", "identity.linkage.charts", "identity.linkage.model",
        "identity.models", "identity.registry", "identity.requests",
    },
    # The register of processing names the sources; its page shows it.
    "consent.register": {"cdp.events.models"},
    "cdp.console.register": {"consent.register", "segments.destinations"},
    "segments.destinations": {"consent.register"},
    # Whose data somebody touched: the audit log and the profiles of today.
    "cdp.console.incident": {"identity.incident"},
    "cdp.management.commands.incident": {"identity.incident"},
    # What staff ask to be done with one, and the worker that does it.
    "cdp.console.wishes": {"identity.models", "identity.registry", "identity.requests"},
    "cdp.console.tasks": {
        "identity.models", "identity.registry", "identity.requests", "identity.resolution", "identity.trial",
    },
    # Privacy requests: their steps, which are actions by another name, and the rows that its pages are of.
    "cdp.api.privacy": {
        "consent.clocks", "consent.grounds", "consent.models", "consent.notices", "consent.people", "consent.requests",
    },
    "cdp.console.consent_desk": {"consent.models", "consent.signals"},
    "cdp.console.person": {"consent.challenges", "consent.grounds", "consent.notices"},
    "cdp.console.privacy_desk": {
        "consent.clocks", "consent.erasure", "consent.grounds", "consent.holds", "consent.models", "consent.people",
        "consent.request_models", "consent.requests",
    },
    # The choices that the OpenAPI document lists; the segment that actions are called with; its rules' problems.
    "cdp.api.shapes": {"consent.models", "identity.models"},
    "cdp.api.segment_shapes": {"segments.models"},
    "cdp.api.actions": {"segments.models"},
    "cdp.api.segments": {"segments.explanation", "segments.models"},
    "cdp.api.destinations": {"segments.deliveries", "segments.destinations", "segments.models"},
    "cdp.api.destination_shapes": {"segments.models"},
    "cdp.api.exports": {"segments.approval", "segments.exports", "segments.formats", "segments.models"},
    "cdp.api.export_files": {"segments.export_jobs", "segments.formats", "segments.models"},
    "cdp.api.export_shapes": {"segments.models"},
    "cdp.api.errors": {"segments.query.problems"},
    # The demonstration measures what is inside.
    "cdp.demo.quickstart": {
        "cdp.events.models", "consent.clocks", "consent.models", "identity.evaluation", "identity.linkage.evaluate",
        "segments.models",
    },
    "cdp.demo.single_channel": {
        "cdp.profiles.survivorship", "cdp.profiles.traits", "segments.models", "segments.query.ast",
        "segments.query.compiler", "segments.query.parse",
    },
    "cdp.demo.summary": {"consent.models", "identity.models", "segments.models"},
}  # fmt: skip


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


def test_packages_import_only_what_others_show() -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts]
    modules = {module_of(path): path for path in paths}
    hidden = {name: set(hidden_imports(name, path, modules.keys())) for name, path in modules.items()}
    assert {name: found for name, found in hidden.items() if found} == JUSTIFIED


def hidden_imports(name: str, path: Path, modules: Collection[str]) -> Iterator[str]:
    """What of other packages a module imports beside what they show."""
    for imported in imports_of(path, modules):
        owner = package_of(imported)
        shown = imported == owner or imported.removeprefix(f"{owner}.").split(".")[0] in SHOWN
        if owner and owner not in OPEN and owner != package_of(name) and not shown:
            yield imported


def imports_of(path: Path, modules: Collection[str]) -> Iterator[str]:
    """The modules that a file imports, wherever in it: of `from a import b` that is `a.b` where there is such a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path} imports by a relative path"
            named = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in modules else node.module for name in named)


def package_of(module: str) -> str:
    """The package of ours that a module belongs to; "" for the libraries."""
    first, _, rest = module.partition(".")
    if first != "cdp":
        return first if first in PACKAGES else ""
    room = rest.split(".")[0]
    return f"cdp.{room}" if room in ROOMS or f"cdp.{room}" in OPEN else "cdp"


def test_no_module_gives_one_name_twice() -> None:
    paths = [path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*.py")]
    twice = {
        module_of(path): [name for name, times in Counter(names_given(path)).items() if times > 1] for path in paths
    }
    assert {module: names for module, names in twice.items() if names} == {}


def names_given(path: Path) -> Iterator[str]:
    """What a module names at its top: the second of the same would take the first one's place without a word."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = (part for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
            yield from (part.id for part in parts if isinstance(part.ctx, ast.Store))
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from () if overloaded(node) else (node.name,)


def overloaded(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "overload" for one in node.decorator_list)


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
