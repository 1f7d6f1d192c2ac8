"""Web and worker, with its beat, as processes of their own, stopped together."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from django.conf import settings

from cdp.core import embedded

_SECONDS_TO_START = 60.0
_SECONDS_TO_STOP = 10.0  # all together


class Processes:
    """`with Processes(8000) as running: running.start_web(stories); running.wait_for_web()`; logs under `.cdp/logs/`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.logs = embedded.home() / "logs"
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start_web(self, stories: Path) -> None:
        """Have the port served, the first page telling these stories; `RuntimeError` when another program holds it."""
        self._refuse_taken_port()
        address = f"127.0.0.1:{self.port}"
        options = ("--workers", "2", "--threads", "4", "--timeout", "120", "--preload", "--no-control-socket")
        os.environ["CDP_DEMO_STORIES"] = str(stories)
        self._start("web", "gunicorn", "cdp.wsgi", "--bind", address, *options)

    def start_workers(self, concurrency: int = 1) -> None:
        """One worker of so many processes with the beat that wakes it, if it does not run yet."""
        if "worker" not in self.running:
            options = ("--beat", "--concurrency", str(concurrency), "--loglevel", "WARNING")
            self._start("worker", "celery", "--app", "cdp", "worker", *options)

    def watch(self) -> None:
        """Wait until one of them ends or the user interrupts."""
        while True:
            self.check()
            time.sleep(0.5)

    def check(self) -> None:
        """`RuntimeError` names the log of a process that has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise RuntimeError(f"The {name} process has ended: see {self.logs / name}.log")

    def stop(self) -> None:
        """End all, gently first; what a worker has not finished then is done again by the next."""
        ends = time.monotonic() + _SECONDS_TO_STOP
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(max(ends - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # its children too
                process.wait()
        self.running.clear()

    def _start(self, name: str, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        # A session of its own: Ctrl-C reaches this process, which then stops the others in order.
        with self._log(name) as log:
            self.running[name] = subprocess.Popen(
                command, cwd=settings.BASE_DIR, env=dict(os.environ), stdout=log, stderr=log, start_new_session=True
            )

    def _log(self, name: str) -> IO[bytes]:
        return Path(self.logs / f"{name}.log").open("ab")

    def wait_for_web(self) -> None:
        """Return when the web process answers. `RuntimeError` names its log when it does not."""
        deadline = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < deadline and self.running["web"].poll() is None:
            if self._answers():
                return
            time.sleep(0.2)
        raise RuntimeError(f"The web process did not start on port {self.port}: see {self.logs / 'web'}.log")

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                raise RuntimeError(
                    f"Port {self.port} is in use, perhaps by a quickstart that was killed: end it, or choose another with --port."
                ) from None

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()
