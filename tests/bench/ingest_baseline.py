"""The least that keeping events can cost: raw COPY of ready lines into the same indexed table, 100 rows a transaction.

Imports nothing of the product. `python ingest_baseline.py URL TABLE COLUMNS FILE` prints core-seconds of client and database.
"""

import json
import sys
import time
from pathlib import Path

import psycopg

ROWS_A_TRANSACTION = 100
TICKS = 100


def database_seconds(postmaster: int) -> float:
    """CPU seconds of the whole server so far: the living processes and those that have ended."""
    own = _ticks(postmaster, slice(13, 17))
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return (own + sum(_ticks(int(child), slice(13, 15)) for child in children)) / TICKS


def tree_seconds(process: int) -> float:
    """CPU seconds of a process, its living children and those that have ended."""
    return database_seconds(process)


def postmaster_of(connection: psycopg.Connection) -> int:
    """The server's first process."""
    pid = connection.info.backend_pid
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _ticks(pid: int, fields: slice) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return 0
    after = stat.rpartition(")")[2].split()
    return sum(map(int, after[fields.start - 2 : fields.stop - 2]))


def load(url: str, table: str, columns: str, lines: list[str]) -> dict[str, float]:
    """COPY `lines` and tell core-seconds and wall seconds."""
    packets = ["".join(lines[at : at + ROWS_A_TRANSACTION]).encode() for at in range(0, len(lines), ROWS_A_TRANSACTION)]
    with psycopg.connect(url, autocommit=True) as connection:
        server = postmaster_of(connection)
        before, cpu, wall = database_seconds(server), time.process_time(), time.monotonic()
        for packet in packets:
            with connection.cursor() as cursor, cursor.copy(f"copy {table} ({columns}) from stdin") as copy:
                copy.write(packet)
        client, seconds = time.process_time() - cpu, time.monotonic() - wall
        return {"client": client, "database": database_seconds(server) - before, "wall": seconds}


if __name__ == "__main__":
    url, table, columns, file = sys.argv[1:]
    with Path(file).open(newline="\n") as handle:
        print(json.dumps(load(url, table, columns, handle.readlines())))
