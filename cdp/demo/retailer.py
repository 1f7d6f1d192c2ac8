"""The generated retailer: customers with a known truth, the records and events that they leave, the planted stories."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

from cdp.demo import difficulty as hardness
from cdp.demo.households import draw_household
from cdp.demo.people import Person, Registry
from cdp.demo.records import Clerk, Record, styled
from cdp.demo.write import write_records


@dataclass(slots=True)
class Retailer:
    """All that was generated; `records` and `people` are the truth that linkage may not see."""

    now: datetime
    people: list[Person]
    records: list[Record] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        write_records(folder, self.records)


def generate(people: int = 5000, seed: int = 1, *, now: datetime) -> Retailer:
    """Customers of a Korean retailer over the two years before `now` (aware); equal arguments give equal data."""
    rng = Random(f"{people} {seed} {now.isoformat()}")
    retailer = Retailer(now, _people(Registry(rng, now), people))
    clerk = Clerk(rng, now)
    retailer.records = [record for person in retailer.people for record in clerk.records(person)]
    for record in retailer.records:
        styled(rng, record)
    return retailer


def _people(registry: Registry, count: int) -> list[Person]:
    people: list[Person] = []
    while len(people) < count:
        people += draw_household(registry)
    return people[:count]


def difficulty(retailer: Retailer) -> dict[str, float]:
    """See `cdp.demo.difficulty.measure`."""
    return hardness.measure(retailer.records)
