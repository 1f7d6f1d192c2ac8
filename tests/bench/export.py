"""The streamed export, consent asked chunk by chunk, against one COPY of the same clear columns."""

import argparse
from collections.abc import Sequence
from typing import Any

from tests.bench import segments_baseline as baseline
from tests.bench.segments_world import about, copied, paired, world

TRAITS = ("country", "region", "age_band", "gender", "first_seen", "last_seen", "orders_count", "revenue_total_KRW")
MAIL = ("marketing", "email")


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Ratios of the export's time to COPY's, for CSV and NDJSON; `speed` is the inverse (1 is as fast as COPY)."""
    parser = argparse.ArgumentParser(prog="export", description=__doc__)
    parser.add_argument("--profiles", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(argv)
    with world(asked.profiles):
        made = _everybody()
        found = {fmt: _compare(made, fmt, statement, asked.rounds) for fmt, statement in _by_hand().items()}
    return {"bench": "export", **about(), "profiles": asked.profiles, **found}


def _everybody() -> Any:
    from cdp.core.types import Actor
    from segments import actions

    rule = {"trait": "country", "op": "exists"}
    made = actions.create_segment(Actor.system("bench"), key="everybody", name="all", purpose="marketing", rule=rule)
    actions.publish(Actor.system("bench"), made)
    actions.recompute(made.pk)
    return made


def _by_hand() -> dict[str, str]:
    cells = ", ".join(f"g.traits ->> '{name}' as {name}" for name in TRAITS)
    values = ", ".join(f"g.traits -> '{name}' as \"{name}\"" for name in TRAITS)
    rows = baseline.export(values).replace("'),", "') as entered_at,", 1)
    return {
        "csv": f"copy ({baseline.export(cells)}) to stdout (format csv)",
        "ndjson": f"copy (select row_to_json(x) from ({rows}) x) to stdout",
    }


def _compare(made: Any, fmt: str, statement: str, rounds: int) -> dict[str, Any]:
    lines, theirs = _rows(fmt, _exported(made, fmt)), _rows(fmt, copied(statement))
    if lines != theirs:
        raise AssertionError(f"{fmt}: the outputs differ ({len(lines)} and {len(theirs)} lines)")
    times = paired(lambda: _exported(made, fmt), lambda: copied(statement), rounds)
    return {"members": len(lines), **times, "speed": round(1 / times["ratio"], 3)}


def _exported(made: Any, fmt: str) -> bytes:
    """The product's export without its header."""
    from cdp.core.types import Actor
    from segments import queries

    text = b"".join(queries.export(made, *MAIL, fmt, actor=Actor.system("bench")))
    return text.split(b"\n", 1)[1] if fmt == "csv" else text


def _rows(fmt: str, text: bytes) -> list[Any]:
    import json

    lines = text.splitlines()
    return [json.loads(line) for line in lines] if fmt == "ndjson" else lines
