"""Each rule that auditors are told of has a test named after it, and no test is named after a rule that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"^def test_(encryption_)?rule_(\d+)_", re.MULTILINE)


def test_every_rule_of_the_auditors_guide_has_its_tests() -> None:
    named = {found for path in (ROOT / "tests").rglob("test_*.py") for found in NAMED.findall(path.read_text())}
    consent, encryption = (ROOT / "docs/guides/auditors.md").read_text().split("## Encryption")
    told = {("", number) for number in rules(consent)} | {("encryption_", number) for number in rules(encryption)}
    assert named == told


def rules(text: str) -> list[str]:
    return re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
