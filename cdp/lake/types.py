"""What the lake is told in."""

from dataclasses import dataclass
from datetime import timedelta

from cdp.core.errors import CdpError


@dataclass(frozen=True)
class LakeState:
    """How large the lake is, and how far behind the events: `lag` is how long the first one waits, None for none."""

    files: int
    rows: int
    bytes: int
    lag: timedelta | None


class Interrupted(CdpError):
    """What was under way was told to stop."""


class FileGone(CdpError):
    """A file was deleted between the snapshot and its reading: begin again."""
