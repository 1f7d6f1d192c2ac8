"""The real JavaScript libraries: installed from npm at exact versions, run in Node or served to a browser."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "libraries"
INSTALL = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
GET = "get Node.js with npm, as by `apt-get install nodejs npm`"
Calls = Sequence[Sequence[Any]]


def installed() -> Path:
    """The folder with `node_modules`, kept from run to run; skips the test without npm, or fails where everything is
    required."""
    lacking = [name for name in ("node", "npm") if shutil.which(name) is None]
    if lacking:
        _not_here(f"{' and '.join(lacking)} is missing: {GET}.")
    manifest = (HERE / "package.json").read_bytes()
    name = f"cdp-libraries-{os.getuid()}-{hashlib.sha256(manifest).hexdigest()[:12]}"
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    shutil.copy(HERE / "package.json", folder)
    done = subprocess.run(INSTALL, cwd=folder, check=False, capture_output=True, text=True, timeout=300)
    if done.returncode:
        _not_here(f"npm could not install the libraries: {done.stderr.strip()[-500:]}")
    (folder / "complete").touch()


def _not_here(message: str) -> None:
    if os.environ.get("CI_REQUIRE_ALL") == "1":
        pytest.fail(message)
    pytest.skip(message)


class Sending:
    """A library of Node that is sending."""

    def __init__(self, library: str, address: str, key: str, calls: Calls) -> None:
        folder = installed()
        self.process = subprocess.Popen(
            ["node", str(HERE / "send.cjs"), library, address, key], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, text=True, env=os.environ | {"NODE_PATH": str(folder / "node_modules")},
        )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(calls))
        self.process.stdin.close()
        self.process.stdin = None

    def ended(self) -> str:
        """What it complained of if it could not deliver everything; empty when all is well."""
        _, said = self.process.communicate(timeout=300)
        return f"exit {self.process.returncode}: {said}" if self.process.returncode else ""


class _Quiet(SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        """`node_modules` of what is installed, and our one page."""
        if path.startswith("/node_modules/"):
            return super().translate_path(path)
        return str(HERE / "page.html")

    def log_message(self, *_: Any) -> None:
        """A test's output is its own."""


@contextmanager
def served_page() -> Iterator[str]:
    """The address of a page that has both libraries, of an origin of its own."""
    handler = partial(_Quiet, directory=str(installed()))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
