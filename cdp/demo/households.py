"""Who lives with whom: couples, parents, siblings and twins, who share homes, telephones, mailboxes and syllables."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from cdp.demo.chance import YEARS_OF_DATA, Weighted, often
from cdp.demo.names import SURNAME, Name, draw_name
from cdp.demo.people import Person, Registry
from cdp.demo.places import Address, draw_address

KINDS = Weighted(
    (("single", 34.0), ("couple", 17.0), ("parent", 13.0), ("family", 16.0), ("siblings", 7.0), ("twins", 0.6))
)
Homes = list[tuple[datetime, Address]]


def draw_household(registry: Registry) -> list[Person]:
    """One to four customers under one roof."""
    rng, kind = registry.rng, KINDS.draw(registry.rng)
    homes = draw_homes(rng, registry.start)
    drawn = _members(rng, kind, registry)
    members = [registry.person(name, born, _moved_out(rng, homes, born)) for name, born in drawn]
    if len(members) > 1 and often(rng, 0.72):
        _share_contacts(registry, members)
    return members


def draw_homes(rng: Random, start: datetime) -> Homes:
    """The home two years ago and, for one household in five, the one after the move."""
    homes = [(start, draw_address(rng))]
    if often(rng, 0.2):
        homes.append((start + YEARS_OF_DATA * rng.uniform(0.1, 0.9), draw_address(rng)))
    return homes


def _moved_out(rng: Random, homes: Homes, born: date) -> Homes:
    """Grown children sometimes leave the family's home for one of their own."""
    if homes[0][0].year - born.year > 34 or not often(rng, 0.2):
        return homes
    return [homes[0], (homes[0][0] + YEARS_OF_DATA * rng.uniform(0.1, 0.9), draw_address(rng))]


def _members(rng: Random, kind: str, registry: Registry) -> list[tuple[Name, date]]:
    year = registry.now.year
    if kind in ("siblings", "twins"):
        return _siblings(rng, None, year - int(rng.triangular(19, 50, 27)), 2, twins=kind == "twins")
    age = int(rng.triangular(40, 74, 52)) if kind in ("parent", "family") else int(rng.triangular(20, 82, 36))
    gender = "f" if often(rng, 0.53) else "m"
    head = draw_name(rng, gender, year - age)
    people = [(head, birthday(rng, year - age))]
    if kind in ("couple", "family"):
        people.append(_partner(rng, gender, year - age))
    if kind in ("parent", "family"):
        people += _children(rng, next((name for name, _ in people if name.gender == "m"), head), year - age, year - 18)
    return people


def _partner(rng: Random, gender: str, born: int) -> tuple[Name, date]:
    """Korean couples keep their surnames."""
    year = born + rng.randrange(-4, 5)
    return draw_name(rng, "m" if gender == "f" else "f", year), birthday(rng, year)


def _children(rng: Random, parent: Name, born: int, grown_up: int) -> list[tuple[Name, date]]:
    oldest = min(born + rng.randrange(23, 35), grown_up - 2)
    return _siblings(rng, parent, oldest, 1 + often(rng, 0.35))


def _siblings(rng: Random, parent: Name | None, born: int, count: int, twins: bool = False) -> list[tuple[Name, date]]:
    """Siblings of one surname; half of them share a syllable of the given name (돌림자)."""
    first = draw_name(rng, rng.choice("mf"), born, _family(parent) or SURNAME.draw(rng))
    people = [(first, birthday(rng, born))]
    syllable = first.given[0] if len(first.given) == 2 and (twins or often(rng, 0.3)) else None
    for number in range(1, count):
        name = draw_name(rng, first.gender if twins else rng.choice("mf"), born, first.family, syllable)
        while name.given == first.given:
            name = draw_name(rng, name.gender, born, first.family, syllable)
        people.append((_same_spelling(name, first), people[0][1] if twins else birthday(rng, born + 2 * number)))
    return people


def _family(parent: Name | None) -> str | None:
    return None if parent is None or parent.foreign else parent.family


def _same_spelling(name: Name, first: Name) -> Name:
    return Name(name.family, name.given, (first.roman[0], name.roman[1]), name.gender, name.foreign)


def birthday(rng: Random, year: int) -> date:
    return date(year, 1, 1) + timedelta(days=rng.randrange(365))


def _share_contacts(registry: Registry, members: list[Person]) -> None:
    """The family's number is a landline or one member's mobile; its mailbox that of one member."""
    rng, host = registry.rng, registry.rng.choice(members)
    phone = registry.landline() if often(rng, 0.35) else host.phones[0][1]
    email = host.emails[0] if often(rng, 0.45) else None
    for member in members:
        member.family_phone, member.family_email = phone, email
