"""The streamed export, consent asked chunk by chunk, against one COPY of the same clear columns; and with contact values,
which are decrypted."""

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any
from uuid import uuid4

from tests.bench import segments_baseline as baseline
from tests.bench.ingest_baseline import database_seconds, postmaster_of
from tests.bench.segments_world import about, copied, paired, world

TRAITS = ("country", "region", "age_band", "gender", "first_seen", "last_seen", "orders_count", "revenue_total_KRW")
MAIL = ("marketing", "email")
# All records share the secret of one data key, made by the product, each under its own id.
KEYS = (
    "update keys.core_datakey k set kek_id = o.kek_id, wrapped = o.wrapped from keys.core_datakey o where o.record = %s"
)
SEALED = """
update identity_record r set attributes = v.blob from unnest(%s::uuid[], %s::bytea[]) as v (id, blob) where r.id = v.id
"""
POINTS = """
insert into profiles_contactpoint (record_id, kind, digest, usable, reason, valid_from)
select id, 'email', sha256(uuid_send(id)), true, '', first_seen from identity_record where attributes is not null;
update profiles_golden g set lineage = jsonb_build_object('email', jsonb_build_object('record', r.id))
from identity_record r where r.profile_id = g.profile_id;
analyze
"""


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Ratios of the export's time to COPY's, for CSV and NDJSON; `speed` is the inverse (1 is as fast as COPY), and `cpu_speed`
    that of CPU seconds, this process's and the database's, which other work disturbs less. With contact values: rows a second,
    and rows a second of CPU time of this process, beside which the database works."""
    parser = argparse.ArgumentParser(prog="export", description=__doc__)
    parser.add_argument("--profiles", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(argv)
    with world(asked.profiles):
        made = everybody()
        found = {fmt: _compare(made, fmt, statement, asked.rounds) for fmt, statement in _by_hand().items()}
        _seal_addresses()
        found["contact"] = _with_contacts(made, asked.rounds)
    return {"bench": "export", **about(), "profiles": asked.profiles, **found}


def everybody() -> Any:
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
    cpu = core_seconds(lambda: copied(statement), rounds) / core_seconds(lambda: _exported(made, fmt), rounds)
    return {"members": len(lines), **times, "speed": round(1 / times["ratio"], 3), "cpu_speed": round(cpu, 3)}


def core_seconds(work: Callable[[], object], rounds: int) -> float:
    """CPU seconds that it takes here and in the database, so many times."""
    from django.db import connection

    server = postmaster_of(connection.connection)
    before = database_seconds(server) + time.process_time()
    for _ in range(rounds):
        work()
    return database_seconds(server) + time.process_time() - before


def _seal_addresses() -> None:
    """An e-mail address for each record, sealed as the product seals it."""
    from cdp.core import crypto
    from cdp.core.statements import column, execute
    from identity.queries import COLUMN, TABLE

    records = column("select id from identity_record")
    spare = uuid4()
    crypto.data_keys([spare])
    execute(KEYS, [spare])
    keys = crypto.existing_data_keys(records)
    blobs = [crypto.seal(keys[one], TABLE, COLUMN, _said(f"someone.{one.hex}@shop.example")) for one in records]
    execute(SEALED, [records, blobs])
    execute(POINTS)


def _said(address: str) -> dict[str, Any]:
    at = "2026-01-02T00:00:00.000000Z"
    values = {"email": [[address, at, "m"]], "full_name": [["Somebody", at, "m"]], "city": [["Seoul", at, "m"]]}
    return {"external_id": address, "values": values, "identifiers": {"email": {address: [at, at]}}, "cleaned": []}


def _with_contacts(made: Any, rounds: int) -> dict[str, Any]:
    from cdp.core.types import Actor
    from segments import approval, exports

    def run() -> tuple[int, float, float]:
        asked = approval.ask(Actor.system("bench"), made, "email", "bench").pk
        approval.decide(Actor.system("another"), asked, approve=True)
        wall, own = time.perf_counter(), time.process_time()
        chunks = exports.export(
            made, *MAIL, columns=["profile_id", "contact"], actor=Actor.system("bench"), personal=True, approval=asked
        )
        lines = b"".join(chunks).splitlines()[1:]
        if not all(line.endswith(b"@shop.example") for line in lines):
            raise AssertionError("contact: an address is missing")
        return len(lines), time.perf_counter() - wall, time.process_time() - own

    run()
    told = [run() for _ in range(rounds)]
    wall, own = (round(median(row[0] / row[place] for row in told)) for place in (1, 2))
    return {"members": told[0][0], "rows_a_second": wall, "rows_a_core": own}


def _exported(made: Any, fmt: Any) -> bytes:
    """The product's export without its header."""
    from cdp.core.types import Actor
    from segments import exports

    text = b"".join(exports.export(made, *MAIL, fmt, actor=Actor.system("bench")))
    return text.split(b"\n", 1)[1] if fmt == "csv" else text


def _rows(fmt: str, text: bytes) -> list[Any]:
    import json

    lines = text.splitlines()
    return [json.loads(line) for line in lines] if fmt == "ndjson" else lines
