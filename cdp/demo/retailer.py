"""The generated retailer: customers with a known truth, the records and events that they leave, the planted stories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from cdp.demo import difficulty as hardness
from cdp.demo.chance import Calendar
from cdp.demo.consents import agree
from cdp.demo.households import draw_household
from cdp.demo.journeys import Journeys
from cdp.demo.outbox import Outbox
from cdp.demo.people import Person, Registry
from cdp.demo.planted import plant
from cdp.demo.records import Clerk, Record, styled
from cdp.demo.stories import Story, Storyteller
from cdp.demo.write import write_all


@dataclass(slots=True)
class Retailer:
    """All that was generated; `people`, `records`, `stories` and `answers` are the truth that linkage may not see."""

    now: datetime
    people: list[Person]
    records: list[Record]
    outbox: Outbox
    stories: list[Story]
    answers: dict[str, object]

    def write(self, folder: Path) -> None:
        """Writes the files for the doors, `manifest.json` that lists them in order, and `truth/` apart from them."""
        write_all(folder, self.records, self.outbox, self.stories, self.answers)


def generate(people: int = 5000, seed: int = 1, *, now: datetime) -> Retailer:
    """Customers of a Korean retailer over the two years before `now` (aware); equal arguments give equal data."""
    rng = Random(f"{people} {seed} {now.isoformat()}")
    registry, clerk = Registry(rng, now), Clerk(rng, now)
    teller = Storyteller(registry, clerk)
    customers = _customers(registry, people - len(teller.people))
    records = teller.records + [record for person in customers for record in clerk.records(person)]
    for record in records:
        agree(rng, record, now)
        styled(rng, record)
    journeys = Journeys(Outbox(rng, Calendar(now)))
    test = journeys.run(records)
    stories = plant(journeys, teller, clerk, records)
    answers: dict[str, object] = {"email_test": test.answers(journeys.outbox.purchases)}
    return Retailer(now, teller.people + customers, records, journeys.outbox, stories, answers)


def _customers(registry: Registry, count: int) -> list[Person]:
    people: list[Person] = []
    while len(people) < count:
        people += draw_household(registry)
    return people[: max(count, 0)]


def difficulty(retailer: Retailer) -> dict[str, float]:
    """Exact pair recall and the other measures of `cdp.demo.difficulty.measure` on this retailer's own records."""
    return hardness.measure(retailer.records)
