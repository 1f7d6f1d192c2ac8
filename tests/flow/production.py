"""`compose.yaml` without an engine: its commands, environments and scripts, run by the processes of this machine."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import yaml

from tests.flow.processes import ROOT

TEXT = (ROOT / "compose.yaml").read_text()
HEAD = TEXT.split("\nx-app:")[0]
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([-?])([^}]*))?\})")


class Unset(Exception):
    """A variable that the file requires has no value."""


def shape(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file as an engine reads it with these variables."""
    return _interpolated(yaml.safe_load(TEXT), variables)


def variables() -> dict[str, str]:
    """Every variable that the file asks for, and how: `?` required, `-` with a default, or neither."""
    return {name: how for escaped, name, how, _ in _VARIABLE.findall(TEXT) if not escaped}


def _interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _interpolated(part, variables) for name, part in value.items()}
    if isinstance(value, list):
        return [_interpolated(part, variables) for part in value]
    return _VARIABLE.sub(lambda found: _value(found, variables), value) if isinstance(value, str) else value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    escaped, name, how, default = found.groups()
    if escaped:
        return "$"
    if how == "?" and not variables.get(name):
        raise Unset(name)
    return variables.get(name) or default or ""


def words(command: str | list[str]) -> list[str]:
    """A command or a health check as the engine splits it."""
    if isinstance(command, str):
        return shlex.split(command)
    return ["sh", "-c", command[1]] if command[0] == "CMD-SHELL" else [word for word in command if word != "CMD"]


def image_environment(dockerfile: str) -> dict[str, str]:
    """What the image's ENV lines set, apart from its PATH."""
    lines = [line.removeprefix("ENV ") for line in dockerfile.splitlines() if line.startswith("ENV ")]
    pairs = dict(word.split("=", 1) for line in lines for word in shlex.split(line))
    return {name: value for name, value in pairs.items() if name != "PATH"}


@dataclass(frozen=True)
class Deployment:
    """The services of the file; `places` says what stands here for the hosts, ports and paths of the containers."""

    variables: Mapping[str, str]
    places: Mapping[str, str]
    folder: Path

    @property
    def services(self) -> dict[str, Any]:
        return shape(self.variables)["services"]

    def command(self, service: str) -> list[str]:
        return [self.here(word) for word in words(self.services[service]["command"])]

    def health_check(self, service: str) -> list[str]:
        return [self.here(word) for word in words(self.services[service]["healthcheck"]["test"])]

    def environment(self, service: str) -> dict[str, str]:
        """Of the service's container; a name without a value is handed on where there is one."""
        given = self.services[service]["environment"]
        filled = {name: self.variables.get(name) if value is None else value for name, value in given.items()}
        return self.image | {name: self.here(str(value)) for name, value in filled.items() if value is not None}

    @property
    def image(self) -> dict[str, str]:
        """The environment of a container that no service describes: no home, nothing of ours."""
        of_image = image_environment(self.services["migrate"]["build"]["dockerfile_inline"])
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": programs, "HOME": "/nonexistent"} | {n: self.here(v) for n, v in of_image.items()}

    def here(self, text: str) -> str:
        """A text with the containers' places replaced by those of this machine."""
        return re.sub("|".join(map(re.escape, self.places)), lambda found: self.places[found[0]], text)

    def start(self, service: str, command: list[str] | None = None, **changed: str) -> "Running":
        """Run a service's command, or another one in its place as `docker compose run` does."""
        return Running(command or self.command(service), self.environment(service) | changed, self.folder)

    def manage(self, arguments: str, **changed: str) -> "Running":
        """`manage.py` as an operator runs it, in a container of the web service."""
        return self.start("web", ["python", "manage.py", *arguments.split()], **changed)

    @contextmanager
    def running(self, service: str, **changed: str) -> Iterator["Running"]:
        """A service that is ended in the end, if need be by force."""
        started = self.start(service, **changed)
        try:
            yield started
        finally:
            if not started.is_over():
                os.killpg(started.process.pid, signal.SIGKILL)
            started.ended()


class Running:
    """A process, and files of what it has printed and logged."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        own = Path(mkdtemp(dir=folder))
        self.out, self.log = own / "out", own / "log"
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        """What stands in its log so far."""
        return self.log.read_text()

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def ended(self, seconds: float = 60) -> int:
        """Its exit code, once it has one."""
        return self.process.wait(seconds)

    def printed(self) -> str:
        """What it has printed, if it ends well."""
        assert self.ended() == 0, self.said()[-3000:]
        return self.out.read_text()
