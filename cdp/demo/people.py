"""The customers themselves: names, birth dates, homes, numbers and e-mail addresses that change with time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import TypeVar

from cdp.demo.chance import YEARS_OF_DATA, Weighted, often
from cdp.demo.names import Name
from cdp.demo.places import Address

V = TypeVar("V")
MAIL_DOMAINS = Weighted(
    (
        ("example.com", 30),
        ("example.kr", 22),
        ("mail.example", 16),
        ("post.example", 10),
        ("example.net", 9),
        ("example.org", 5),
        ("univ.example", 3),
        ("office.example", 5),
    )
)
# 59xx is not assigned.
MOBILE_BLOCKS = [*range(2200, 5900), *range(6000, 9900)]
AREA_CODES = ("02", "031", "032")
QUARANTINE_OF_NUMBERS = timedelta(days=90)


@dataclass(slots=True)
class Person:
    """The truth about one customer; `homes` and `phones` are (valid from, value), oldest first."""

    key: str
    name: Name
    born: date
    homes: list[tuple[datetime, Address]]
    phones: list[tuple[datetime, str]]
    emails: list[str]
    appetite: float
    until: datetime
    second_phone: str | None = None
    family_phone: str | None = None
    family_email: str | None = None

    def home_at(self, when: datetime) -> Address:
        return _latest(self.homes, when)

    def phone_at(self, when: datetime) -> str:
        return _latest(self.phones, when)


def _latest(history: list[tuple[datetime, V]], when: datetime) -> V:
    return next((value for since, value in reversed(history) if since <= when), history[0][1])


class Registry:
    """Hands out numbers and addresses that nobody else has; abandoned numbers go back into circulation."""

    def __init__(self, rng: Random, now: datetime) -> None:
        self.rng, self.now, self.start = rng, now, now - YEARS_OF_DATA
        self.taken: set[str] = set()
        self.abandoned: list[tuple[datetime, str]] = []
        self.people = 0

    def person(self, name: Name, born: date, homes: list[tuple[datetime, Address]]) -> Person:
        """A customer with numbers, addresses and an appetite of their own."""
        self.people += 1
        appetite = min(self.rng.lognormvariate(0.0, 1.05), 22.0)
        key = f"P{self.people:06d}"
        second = self.mobile() if often(self.rng, 0.3) else None
        return Person(key, name, born, homes, self.phones(), self.emails(name, born), appetite, self._until(), second)

    def _until(self) -> datetime:
        """The day of their last purchase: one customer in four goes over to a competitor."""
        return self.start + YEARS_OF_DATA * self.rng.uniform(0.3, 0.95) if often(self.rng, 0.25) else self.now

    def phones(self) -> list[tuple[datetime, str]]:
        """The number two years ago and, for one in six, the number that followed it."""
        recycled = self._recycled() if often(self.rng, 0.04) else None
        if recycled is not None:
            return [(self.start, self.mobile()), recycled]
        history = [(self.start, self.mobile())]
        if often(self.rng, 0.17):
            changed = self.start + YEARS_OF_DATA * self.rng.uniform(0.15, 0.9)
            self.abandoned.append((changed, history[0][1]))
            history.append((changed, self.mobile()))
        return history

    def _recycled(self) -> tuple[datetime, str] | None:
        """A number that another customer gave up at least a season ago."""
        if not self.abandoned:
            return None
        given_up, number = self.abandoned.pop(self.rng.randrange(len(self.abandoned)))
        since = given_up + QUARANTINE_OF_NUMBERS
        return (since, number) if since < self.now else None

    def emails(self, name: Name, born: date) -> list[str]:
        count = self.rng.choices((1, 2, 3, 4), (22, 46, 23, 9))[0]
        return [self.email(name, born) for _ in range(count)]

    def email(self, name: Name, born: date) -> str:
        return self._fresh(lambda: f"{self._local_part(name, born)}@{MAIL_DOMAINS.draw(self.rng)}")

    def _local_part(self, name: Name, born: date) -> str:
        """A mailbox name out of the romanised name, initials, birth year and digits."""
        family, given = name.roman[0].lower(), name.roman[1].replace(" ", "").lower()
        initials = "".join(part[0] for part in name.roman[1].split()).lower()
        stem = self.rng.choice((f"{given}.{family}", f"{given}{family}", f"{family}{given}", f"{initials}{family}",
                                f"{family}.{initials}", given, f"{given}_{initials}"))  # fmt: skip
        tail = self.rng.choice(("", f"{born.year % 100:02d}", f"{born:%m%d}", f"{self.rng.randrange(1, 999)}"))
        return stem + tail

    def mobile(self) -> str:
        return self._fresh(lambda: f"010{self.rng.choice(MOBILE_BLOCKS)}{self.rng.randrange(10, 9990):04d}")

    def landline(self) -> str:
        blocks = (2200, 8999), (1000, 9999)
        return self._fresh(lambda: self.rng.choice(AREA_CODES) + "".join(f"{self.rng.randrange(*b)}" for b in blocks))

    def _fresh(self, draw: Callable[[], str]) -> str:
        value = draw()
        while value in self.taken:
            value = f"{self.rng.randrange(10, 99)}{value}" if "@" in value else draw()
        self.taken.add(value)
        return value
