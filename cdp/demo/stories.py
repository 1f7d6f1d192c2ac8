"""Stories planted among the customers, each of which the product should be able to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from cdp.demo.names import Name
from cdp.demo.people import Person, Registry
from cdp.demo.places import draw_address
from cdp.demo.records import Clerk, Record

RECEIPTS_OF_THE_CASHIER = 400


@dataclass(slots=True)
class Story:
    """What happened, the records that took part, and what should be found; `details` are facts to check it by."""

    key: str
    title: dict[str, str]
    find: dict[str, str]
    records: list[Record] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        members = [{"source": record.source, "external_id": record.external_id} for record in self.records]
        return {"key": self.key, "title": self.title, "find": self.find, "records": members, "details": self.details}


class Storyteller:
    """Makes the people of the stories, and afterwards the events that only they cause."""

    def __init__(self, registry: Registry, clerk: Clerk) -> None:
        self.registry, self.clerk, self.rng = registry, clerk, registry.rng
        self.now, self.start = registry.now, registry.start
        self.people: list[Person] = []
        self.stories = [self.five_channels(), self.recycled_number(), self.father_and_son(), self.cashier()]
        self.stories += [self.twins(), self.namesakes(), self.wrong_clock(), self.erasure()]
        self.records = [record for story in self.stories for record in story.records]

    def __getitem__(self, key: str) -> Story:
        return next(story for story in self.stories if story.key == key)

    def person(
        self, full: str, roman: tuple[str, str], gender: str, born: date, neighbour: Person | None = None
    ) -> Person:
        """Someone who stays a customer, at home alone or with a neighbour, with one number and two mailboxes."""
        name = Name(full[0], full[1:], roman, gender)
        homes = neighbour.homes if neighbour else [(self.start, draw_address(self.rng))]
        person = self.registry.person(name, born, homes)
        person.phones, person.second_phone, person.until = [(self.start, self.registry.mobile())], None, self.now
        person.emails = [self.registry.email(name, born) for _ in range(2)]
        person.appetite = 2.0
        self.people.append(person)
        return person

    def record(self, person: Person, source: str, days_ago: int, **values: str) -> Record:
        """A record with the name, the home and the given values; everything else is missing."""
        when = self.now - timedelta(days=days_ago, hours=self.rng.uniform(0, 9))
        full = {"full_name": person.name.full, "phone": "", "email": "", "birth_date": "", "gender": ""}
        card = f"88{self.rng.randrange(10**10):010d}" if source.endswith("-pos") else ""
        full |= {"loyalty_id": card} | self.clerk.home(person, when) | values
        return Record(source, self.clerk.external_id(source, full), person, when, when, full)

    def five_channels(self) -> Story:
        who = self.person("설아름", ("Seol", "A Reum"), "f", date(1988, 4, 17))
        born, phone, mail = who.born.isoformat(), who.phone_at(self.now), who.emails
        records = [
            # Accounts of two brands: within a brand nobody has two.
            self.record(who, "onsae-web", 610, email=mail[0], birth_date=born),
            self.record(who, "haru-app", 420, full_name="Areum Seol", email=mail[0], phone=phone),
            self.record(who, "onsae-pos", 380, phone=phone),
            self.record(who, "call-center", 150, full_name="설아롬", birth_date=born),
            self.record(who, "loan-desk", 60, email=mail[1], phone=phone, birth_date=born),
        ]
        return Story(
            "five-channels",
            {"ko": "다섯 채널의 한 사람", "en": "One person on five channels"},
            {"ko": "웹, 앱, 매장, 콜센터, 대출 창구의 기록 다섯 개가 한 프로필이 됩니다.",
             "en": "Five records from web, app, store, call center and loan desk become one profile."},
            records,
        )  # fmt: skip

    def recycled_number(self) -> Story:
        before = self.person("편가람", ("Pyeon", "Ga Ram"), "m", date(1979, 9, 2))
        after = self.person("봉소희", ("Bong", "So Hee"), "f", date(1996, 1, 23))
        number, changed = before.phone_at(self.now), self.now - timedelta(days=400)
        before.phones.append((changed, self.registry.mobile()))
        after.phones = [(self.start, self.registry.mobile()), (changed + timedelta(days=120), number)]
        records = [
            self.record(before, "haru-pos", 640, phone=number, birth_date=before.born.isoformat()),
            self.record(before, "onsae-web", 600, phone=number, email=before.emails[0]),
            self.record(after, "haru-app", 200, phone=number, birth_date=after.born.isoformat()),
            self.record(after, "call-center", 90, phone=number),
        ]
        return Story(
            "recycled-number",
            {"ko": "주인이 바뀐 전화번호", "en": "A telephone number with a new owner"},
            {"ko": "같은 번호를 쓰지만 두 사람입니다. 합치면 안 됩니다.",
             "en": "Two people held the same number one after the other; they must not merge."},
            records,
            {"changed_hands_after": changed.isoformat()},
        )  # fmt: skip

    def father_and_son(self) -> Story:
        father = self.person("탁성호", ("Tak", "Sung Ho"), "m", date(1962, 6, 5))
        son = self.person("탁민재", ("Tak", "Min Jae"), "m", date(1993, 11, 30), father)
        phone = father.phone_at(self.now)
        records = [
            self.record(father, "haru-pos", 500, phone=phone, birth_date=father.born.isoformat()),
            self.record(father, "call-center", 260, phone=phone),
            self.record(son, "haru-web", 450, phone=phone, email=son.emails[0], birth_date=son.born.isoformat()),
            self.record(son, "onsae-pos", 300, phone=phone),
        ]
        return Story(
            "father-and-son",
            {"ko": "전화 한 대를 쓰는 아버지와 아들", "en": "Father and son on one telephone"},
            {"ko": "성, 주소, 전화가 같은 두 사람입니다. 가구로 묶이되 프로필은 둘입니다.",
             "en": "Same surname, home and number, yet two profiles: a household."},
            records,
        )  # fmt: skip

    def cashier(self) -> Story:
        who = self.person("국보영", ("Kuk", "Bo Young"), "f", date(1990, 2, 11))
        who.appetite = 0.0
        return Story(
            "cashier-card",
            {"ko": "계산원의 적립 카드", "en": "A cashier's loyalty card"},
            {"ko": "카드 한 장에 영수증 400장, 같은 날 수십 장. 한 손님의 구매가 아닙니다.",
             "en": "400 receipts on one card, dozens on one day: not one customer's purchases."},
            [self.record(who, "haru-pos", 560, phone=who.phone_at(self.now))],
            {"receipts": RECEIPTS_OF_THE_CASHIER},
        )  # fmt: skip

    def twins(self) -> Story:
        one = self.person("반서윤", ("Ban", "Seo Yun"), "f", date(1999, 3, 8))
        other = self.person("반서연", ("Ban", "Seo Yeon"), "f", date(1999, 3, 8), one)
        phone, born = one.phone_at(self.now), one.born.isoformat()
        records = [
            self.record(who, source, days, phone=phone, birth_date=born, email=who.emails[0] * (source == "haru-web"))
            for who, source, days in (
                (one, "haru-pos", 520),
                (one, "haru-web", 480),
                (other, "haru-pos", 519),
                (other, "haru-web", 300),
            )
        ]
        return Story(
            "twins",
            {"ko": "쌍둥이", "en": "Twins"},
            {"ko": "생일, 주소, 전화가 같고 이름이 한 글자만 다른 두 사람입니다.",
             "en": "Same birth date, home and number, names one letter apart: two people."},
            records,
        )  # fmt: skip

    def namesakes(self) -> Story:
        people = [self.person("김지훈", ("Kim", "Ji Hoon"), "m", date(1985, 7, 14)) for _ in range(2)]
        records = [
            self.record(who, source, days, phone=who.phone_at(self.now), birth_date=who.born.isoformat(),
                        email=who.emails[0])
            for who in people for source, days in (("haru-pos", 600), ("onsae-web", 350))
        ]  # fmt: skip
        return Story(
            "namesakes",
            {"ko": "이름과 생일이 같은 두 사람", "en": "Two people of one name and birth date"},
            {"ko": "이름과 생년월일이 같아도 연락처와 주소가 다르면 두 사람입니다.",
             "en": "One name, one birth date, but different contacts and homes: two people."},
            records,
        )  # fmt: skip

    def wrong_clock(self) -> Story:
        who = self.person("옥다온", ("Ok", "Da On"), "f", date(2001, 12, 3))
        return Story(
            "wrong-clock",
            {"ko": "2031년에 사는 휴대전화", "en": "A telephone that lives in 2031"},
            {"ko": "시계가 앞선 기기의 이벤트입니다. 전송 시각과의 차이로 바로잡습니다.",
             "en": "Events of a device whose clock is years ahead; the time of sending puts them right."},
            [self.record(who, "haru-app", 100, phone=who.phone_at(self.now), email=who.emails[0])],
        )  # fmt: skip

    def erasure(self) -> Story:
        who = self.person("맹하늘", ("Maeng", "Ha Neul"), "m", date(1983, 5, 21))
        phone = who.phone_at(self.now)
        records = [
            self.record(who, "haru-web", 580, phone=phone, email=who.emails[0]),
            self.record(who, "haru-pos", 470, phone=phone, birth_date=who.born.isoformat()),
            self.record(who, "call-center", 200, phone=phone),
        ]
        return Story(
            "erasure-due",
            {"ko": "내일이 기한인 삭제 요청", "en": "An erasure that is due tomorrow"},
            {"ko": "개인정보는 지우고, 주문 기록은 전자상거래법에 따라 분리해 5년 보관합니다.",
             "en": "The person is erased by tomorrow; the orders are kept apart for five years by statute."},
            records,
        )  # fmt: skip
