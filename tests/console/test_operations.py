"""The alerts, the dashboard and the runbooks that are shipped fit the metrics and one another."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from django.core.management import get_commands
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from cdp.console import metrics
from cdp.core import heartbeat
from cdp.core.actions import count
from tests.flow.processes import ROOT

FOLDER: Path = ROOT / "docs" / "operations"
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
PANELS = [(panel["title"], target) for panel in DASHBOARD["panels"] for target in panel["targets"]]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for _, target in PANELS]
# Prometheus' own.
UP = {"up": {"job"}}


@pytest.fixture
def told(db: None) -> dict[str, set[str]]:
    """Metric → its labels, each metric with something to tell."""
    heartbeat.note_beat()
    heartbeat.note()
    heartbeat.note_answer("ingestion", 503)
    kinds = (f"{kind}x" if kind[-1] in ":_" else kind for kind in metrics.KINDS)
    count(None, dict.fromkeys([*kinds, "other"], 1))
    families = text_string_to_metric_families(Client().get("/metrics").content.decode())
    heartbeat.server().delete(heartbeat.ANSWERS)
    samples = [sample for family in families for sample in family.samples]
    return {one.name: set(one.labels) for one in samples}


def selectors(found: Any) -> Iterator[promql_parser.VectorSelector]:
    """Every metric that an expression names."""
    if isinstance(found, promql_parser.VectorSelector):
        yield found
    for name in ("expr", "lhs", "rhs", "vector_selector", "args"):
        inner = getattr(found, name, None)
        for one in inner if isinstance(inner, list) else [inner]:
            if one is not None:
                yield from selectors(one)


def grouped(found: Any) -> set[str]:
    """The labels that an expression groups by."""
    labels = set(getattr(getattr(found, "modifier", None), "labels", []) or [])
    for name in ("expr", "lhs", "rhs", "args"):
        inner = getattr(found, name, None)
        for one in inner if isinstance(inner, list) else [inner]:
            labels |= grouped(one) if one is not None else set()
    return labels


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_parses_and_names_metrics_and_labels_that_exist(
    expression: str, told: dict[str, set[str]]
) -> None:
    parsed = promql_parser.parse(expression)
    named = list(selectors(parsed))
    assert named
    known = told | UP
    for selector in named:
        assert {matcher.name for matcher in selector.matchers.matchers} <= known[selector.name]
    assert grouped(parsed) <= set().union(*(known[selector.name] for selector in named))


def test_what_does_not_parse_is_noticed() -> None:
    with pytest.raises(ValueError):
        promql_parser.parse("sum by (source (cdp_taken_total)")


def test_every_metric_is_on_the_dashboard(told: dict[str, set[str]]) -> None:
    shown = {one.name for _, target in PANELS for one in selectors(promql_parser.parse(target["expr"]))}
    assert {name for name in told if not name.endswith("_created")} == shown


def test_every_alert_names_a_section_of_the_runbooks_and_every_section_an_alert() -> None:
    headings = re.findall(r"^## (.+)$", (FOLDER / "runbooks.md").read_text(), re.MULTILINE)
    sections = {f"runbooks.md#{heading.lower().replace(' ', '-')}" for heading in headings}
    assert {rule["annotations"]["runbook"] for rule in RULES} == sections
    linked = re.findall(r"\]\((#[a-z-]+)\)", (FOLDER / "runbooks.md").read_text())
    assert {f"runbooks.md{link}" for link in linked} <= sections


def test_rules_have_the_shape_that_prometheus_reads() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) > 15
    for rule in RULES:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"page", "ticket"} and rule["annotations"]["summary"]
        promql_parser.parse_duration(rule.get("for", "1s"))


def test_labels_of_panels_and_summaries_are_of_their_expressions() -> None:
    for title, target in PANELS:
        wanted = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        assert wanted <= grouped(promql_parser.parse(target["expr"])), title
    for rule in RULES:
        wanted = set(re.findall(r"{{ \$labels\.(\w+) }}", rule["annotations"]["summary"]))
        assert wanted <= grouped(promql_parser.parse(rule["expr"])), rule["alert"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places) == len(set(places))


def test_documents_name_commands_and_variables_that_exist() -> None:
    files = [ROOT / "README.md", *(ROOT / "docs" / "guides").glob("*.md"), *FOLDER.glob("*.md")]
    text = "\n".join(file.read_text() for file in files)
    assert set(re.findall(r"manage\.py ([a-z_]{4,})", text)) <= get_commands().keys()
    known = re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(re.findall(r"\b(CDP_[A-Z_]*[A-Z])\b", text)) - {"CDP_WRITE_ACCESS_TABLE"} <= {*known}
