"""What clustering takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

# Ranks of links: a steward's verdict before identifiers (in their own order) before the model.
STEWARD: Final = 0
MODEL: Final = 1000

Reason = Literal[
    "cannot-link", "birth dates", "given names", "gender", "identifiers", "records", "gray zone", "recycled number", "no name",
    "leaf attached", "leaves only",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier of a record. Limits count distinct values per (kind, scope); scope: the namespace of user ids."""

    kind: str
    value: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A record with what can speak against its being another's. Names and dates are cleaned (`normalise`)."""

    id: str
    birth_date: str | None = None
    given: str | None = None
    surname: str | None = None
    gender: str | None = None
    common_name: bool = False  # the given name is a frequent one of the data, hence hardly a misspelling
    identifiers: tuple[Identifier, ...] = ()
    leaf: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Evidence that two records are one person. `rank`: STEWARD, an identifier's priority, or MODEL."""

    left: str
    right: str
    rank: int = MODEL
    weight: float = 0.0
    time: str = ""  # earliest event that carries it, ISO 8601 UTC
    digest: str = ""
    silent: bool = False  # a phone number that both have, with a long silence between them

    @property
    def order(self) -> tuple[int, float, str, str, str, str]:
        """Total order over a set of links, by content and never by arrival."""
        ends = min(self.left, self.right), max(self.left, self.right)
        return (self.rank, -self.weight, self.time, self.digest, *ends)

    @property
    def straight(self) -> "Link":
        """The same link with its ends in order."""
        return self if self.left <= self.right else replace(self, left=self.right, right=self.left)


@dataclass(frozen=True, slots=True)
class Limits:
    """Most distinct identifiers per (kind, scope) and most records of one person; `given_names`, `birth_dates`: whether
    those that cannot be one person's divide (`Model.names_divide`, `Model.births_divide`).

    The model's links of fewer than `sure` bits are doubtful: both always divide what these would join, and
    `linked_share` of the pairs between two clusters must be linked before a doubtful link joins them.
    """

    per_kind: Mapping[str, int] = field(default_factory=lambda: {"user_id": 1})
    others: int = 5
    records: int = 30
    given_names: bool = True
    birth_dates: bool = True
    sure: float = 4.25  # a probability of 0.95
    linked_share: float = 1 / 4


@dataclass(frozen=True, slots=True)
class Refusal:
    """A link that did not join its records, and why: a review case and a hint at a household."""

    link: Link
    reason: Reason


@dataclass(frozen=True, slots=True)
class Partition:
    """`label` of each node: the smallest id of its cluster."""

    label: Mapping[str, str]
    refused: tuple[Refusal, ...]
