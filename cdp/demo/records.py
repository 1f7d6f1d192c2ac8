"""One source's view of one person: fields missing, out of date, shared with the family or mistyped."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from cdp.demo.chance import YEARS_OF_DATA, Weighted, often
from cdp.demo.channels import FORMS, PRESENCE, RECORDS_OF_A_PERSON, SECOND_RECORD, Form
from cdp.demo.names import mistyped, nickname, romanised
from cdp.demo.people import Person

PLACEHOLDER_PHONES = ("01000000000", "01012345678", "01011111111")
Values = dict[str, str]


@dataclass(slots=True)
class Record:
    """A record of `source`; `values` are keyed by the known column names of the file import."""

    source: str
    external_id: str
    person: Person
    created: datetime
    updated: datetime
    values: Values
    consents: dict[str, str] = field(default_factory=dict)
    consent_at: datetime | None = None


class Clerk:
    """Writes down the records of people, source by source, with the clerk's and the customer's slips."""

    def __init__(self, rng: Random, now: datetime) -> None:
        self.rng, self.now, self.start = rng, now, now - YEARS_OF_DATA
        self.taken: set[str] = set()

    def records(self, person: Person) -> list[Record]:
        """All records of one person; most of them can be recognised by another, few by an exact identifier."""
        records: list[Record] = []
        for source in self._sources():
            record = self.record(person, source)
            if records and not any(recognisable(record.values, other.values) for other in records):
                self._complete(record, self.rng.choice(records))
            self._share_account(record, records)
            self._quote_card(record, records)
            records.append(record)
        return records

    def record(self, person: Person, source: str) -> Record:
        created = self.start + YEARS_OF_DATA * min(self.rng.random() ** 2 + 0.004, 0.99)
        updated = created if often(self.rng, 0.6) else created + (self.now - created) * self.rng.random()
        values = self._values(person, FORMS[source], updated)
        return Record(source, self.external_id(source, values), person, created, updated, values)

    def _sources(self) -> list[str]:
        wanted, chosen = RECORDS_OF_A_PERSON.draw(self.rng), list[str]()
        while len(chosen) < wanted:
            source = PRESENCE.draw(self.rng)
            if source not in chosen or often(self.rng, SECOND_RECORD.get(source, 0.0)):
                chosen.append(source)
        return chosen

    def external_id(self, source: str, values: Values) -> str:
        """A number that says nothing; a few old web accounts use their e-mail address as the account's name."""
        if source == "onsae-web" and often(self.rng, 0.05) and values.get("email", "") not in self.taken | {""}:
            self.taken.add(values["email"])
            return values["email"]
        drawn = ""
        while not drawn or drawn in self.taken:
            drawn = f"{FORMS[source].prefix}{self.rng.randrange(10_000_000):07d}"
        self.taken.add(drawn)
        return drawn

    def _values(self, person: Person, form: Form, when: datetime) -> Values:
        values = {"full_name": self._name(person, form), "phone": self._phone(person, form, when)}
        values |= {"email": self._email(person, form), "birth_date": self._birth(person, form)}
        values["gender"] = person.name.gender if often(self.rng, form.gender) else ""
        values["loyalty_id"] = f"88{self.rng.randrange(10**10):010d}" if form.prefix in ("HM", "OM") else ""
        return values | (self.home(person, when) if often(self.rng, form.address) else {})

    def _name(self, person: Person, form: Form) -> str:
        if not often(self.rng, form.name):
            return ""
        if often(self.rng, form.roman):
            return romanised(self.rng, person.name)
        name = nickname(self.rng, person.name) if often(self.rng, form.nick) else person.name.full
        return mistyped(self.rng, name) if often(self.rng, form.typo) else name

    def _phone(self, person: Person, form: Form, when: datetime) -> str:
        if not often(self.rng, form.phone):
            return ""
        if often(self.rng, 0.006):
            return self.rng.choice(PLACEHOLDER_PHONES)
        family = person.family_phone if often(self.rng, 0.31) else None
        number = family or (person.second_phone if often(self.rng, 0.36) else None) or person.phone_at(when)
        return self._misdialled(number) if often(self.rng, 0.03) else number

    def _misdialled(self, number: str) -> str:
        place = self.rng.randrange(4, len(number))
        return number[:place] + str((int(number[place]) + self.rng.randrange(1, 9)) % 10) + number[place + 1 :]

    def _email(self, person: Person, form: Form) -> str:
        if not often(self.rng, form.email):
            return ""
        family = person.family_email if often(self.rng, 0.26) else None
        address = family or self.rng.choice(person.emails)
        local, _, domain = address.partition("@")
        return f"{mistyped(self.rng, local)}@{domain}" if often(self.rng, 0.02) else address

    def _birth(self, person: Person, form: Form) -> str:
        if not often(self.rng, form.birth):
            return ""
        born, slip = person.born, self.rng.random()
        if slip < 0.01 and born.day <= 12:
            return born.replace(month=born.day, day=born.month).isoformat()
        if slip < 0.025:
            return (born + timedelta(days=self.rng.choice((-10, -1, 1, 10)))).isoformat()
        return born.replace(month=1, day=1).isoformat() if slip < 0.032 else born.isoformat()

    def home(self, person: Person, when: datetime) -> Values:
        """The address columns of the home at that time; one postcode in fifty is mistyped."""
        home = person.home_at(when)
        region = home.area.region if often(self.rng, 0.6) else home.area.short
        postcode = home.postcode if not often(self.rng, 0.02) else home.postcode[:3] + home.postcode[:2:-1]
        values = {"address": home.written(self.rng), "city": home.area.district, "region": region}
        return values | {"postcode": postcode, "country": "KR"}

    def _complete(self, record: Record, other: Record) -> None:
        """Few registers hold records that nothing but a name could connect: the customer is asked once more."""
        if often(self.rng, 0.04):
            return
        for column in self.rng.sample(("postcode", "postcode", "birth_date"), 3):
            self._copy(record, other, column)
            if recognisable(record.values, other.values):
                return

    def _copy(self, record: Record, other: Record, column: str) -> None:
        if column == "postcode":
            both = self.home(record.person, min(record.updated, other.updated))
            record.values |= both
            other.values |= {} if other.values.get("postcode") else both
        elif other.values.get(column) not in ("", None, *PLACEHOLDER_PHONES):
            record.values[column] = other.values[column]

    def _share_account(self, record: Record, others: list[Record]) -> None:
        """The web shop and the app of a brand have one login; few people make a second account."""
        twin = {"haru-web": "haru-app", "haru-app": "haru-web"}.get(record.source)
        account = next((other.external_id for other in others if other.source == twin), None)
        if account and often(self.rng, 0.93) and all(other.source != record.source for other in others):
            record.external_id = account

    def _quote_card(self, record: Record, others: list[Record]) -> None:
        """Some customers put their loyalty card into the app or read it out on the telephone."""
        cards = [other.values["loyalty_id"] for other in others if other.source == "haru-pos"]
        if cards and record.source in ("haru-app", "call-center") and often(self.rng, 0.15):
            record.values["loyalty_id"] = cards[0]


EVIDENCE = {"phone": 2.0, "email": 2.0, "birth_date": 1.5, "postcode": 1.2, "full_name": 1.4}


def recognisable(one: Values, other: Values) -> bool:
    """Whether two records agree on enough: a contact and anything else, or a name with a birth date or home."""
    agreed = sum(weight for column, weight in EVIDENCE.items() if one.get(column) and one[column] == other.get(column))
    return agreed >= 2.5


PHONE_STYLES = Weighted((("-", 62.0), ("", 20.0), ("+82", 8.0), (" ", 5.0), (".", 3.0), ("wide", 1.0), ("excel", 1.0)))


def styled(rng: Random, record: Record) -> None:
    """Writes phone, e-mail and birth date as the source writes them; runs last, for it changes what is compared."""
    values = record.values
    if values.get("phone"):
        values["phone"] = _styled_phone(rng, values["phone"], online=FORMS[record.source].prefix in ("hw", "ha", "ow"))
    if values.get("email") and often(rng, 0.04):
        values["email"] = values["email"].capitalize() if often(rng, 0.7) else values["email"].upper()
    separator = {"haru-pos": "", "call-center": "."}.get(record.source, "-")
    values["birth_date"] = values.get("birth_date", "").replace("-", separator)


def _styled_phone(rng: Random, digits: str, online: bool) -> str:
    style = PHONE_STYLES.draw(rng)
    cut = len(digits) - 8
    parts = [digits[:cut], digits[cut : cut + 4], digits[cut + 4 :]]
    if style == "+82":
        return f"+82 {parts[0][1:]}-{parts[1]}-{parts[2]}" if not online else f"+82{digits[1:]}"
    if style == "wide":
        return "".join(chr(ord(sign) + 0xFEE0) for sign in "-".join(parts))
    if style == "excel":
        return digits[1:]
    return style.join(parts)
