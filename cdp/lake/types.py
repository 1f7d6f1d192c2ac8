"""What the lake is told in."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class LakeState:
    """How large the lake is, and how far behind the events: `lag` is how long the first one waits, None for none."""

    files: int
    rows: int
    bytes: int
    lag: timedelta | None
