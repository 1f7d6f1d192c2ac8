"""Long work shows progress: a moving line on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

_SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """`with Progress("Importing") as progress: progress.say("10,000 rows")`."""

    def __init__(self, title: str, console: Console | None = None) -> None:
        self.title = title
        self.console = console or Console(stderr=True)
        self.status: Status | None = None
        self.said_at = 0.0

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.status = self.console.status(self.title)
            self.status.start()
        return self

    def step(self) -> None:
        """A new title, said at once."""
        self.said_at = 0.0
        if self.status:
            self.status.update(self.title)
        else:
            self.console.print(self.title, highlight=False)
            self.said_at = time.monotonic()

    def say(self, step: str) -> None:
        """Show where the work is; on a log no more often than every few seconds."""
        if self.status:
            self.status.update(f"{self.title}: {step}")
        elif time.monotonic() - self.said_at > _SECONDS_BETWEEN_LINES:
            self.said_at = time.monotonic()
            self.console.print(f"{self.title}: {step}", highlight=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status:
            self.status.stop()
