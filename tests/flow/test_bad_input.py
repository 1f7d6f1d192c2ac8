"""Customer data at its worst, through the door for files and the batch run: nothing crashes, nobody is glued together."""

import csv
import random
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path

import pytest
from django.core.management import call_command

from cdp import pipeline
from cdp.core import crypto
from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Quarantined
from identity import resolution
from identity.models import Record

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = ("external_id", "full_name", "given_name", "family_name", "email", "phone", "birth_date", "address", "user_id")
SYLLABLES = (
    "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호구누두루무부수우주추쿠투푸후"
)
SURNAMES = "김이박최정강조윤장임한오서신권황안송류전홍"
SHARERS = 10_000
SHARED_PHONE = "02-345-6780"
Row = dict[str, str]


def names(seed: int) -> Iterator[str]:
    """Korean names without end, of whom few are alike."""
    draw = random.Random(seed)
    while True:
        yield draw.choice(SURNAMES) + draw.choice(SYLLABLES) + draw.choice(SYLLABLES)


def imported(folder: Path, source: str, rows: list[Row]) -> None:
    """Through `import_records`, as a source of its own."""
    create_source(Actor.system("test"), source, "crm")
    with (folder / f"{source}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    call_command("import_records", folder / f"{source}.csv", source=source, stdout=StringIO())


def resolved() -> Counter[int]:
    """Profiles by their number of records, after folding and a batch run."""
    while pipeline.STAGES["fold"]():
        pass
    resolution.resolve()
    kept = Record.objects.filter(kind="customer").values_list("profile_id", flat=True)
    assert None not in kept, "every record has a profile"
    return Counter(Counter(kept).values())


def profile(source: str, external_id: str) -> object:
    shop = Record.objects.filter(source__name=source).values_list("source_id", flat=True)[0]
    return Record.objects.get(pk=crypto.record_id(shop, "customer", external_id)).profile_id


NOTHING = ("null", "none", "N/A", "-", "미상", "undefined", "[object Object]", "0", "000-0000-0000")


def test_what_stands_for_nothing_joins_nobody(tmp_path: Path) -> None:
    who = names(1)
    rows = [
        {"external_id": f"n{number}", "full_name": next(who), "email": nothing, "phone": nothing, "user_id": nothing}
        for number, nothing in enumerate(NOTHING * 30)
    ]
    imported(tmp_path, "crm", rows)
    assert max(resolved()) <= 2


def test_ten_thousand_people_with_one_phone(tmp_path: Path) -> None:
    who = names(2)
    imported(
        tmp_path,
        "crm",
        [{"external_id": f"s{n}", "full_name": next(who), "phone": SHARED_PHONE} for n in range(SHARERS)],
    )
    assert max(resolved()) <= 30


def test_whole_rows_alike_are_one_person_or_a_few_never_a_heap(tmp_path: Path) -> None:
    same = {"full_name": "김민준", "email": "info@shop.example", "phone": "010-5555-1234"}
    imported(tmp_path, "crm", [{"external_id": f"a{n}"} | same for n in range(400)])
    assert max(resolved()) <= 30


ODD = {
    "an e-mail of ten kilobytes": {"email": "a" * 10_000 + "@shop.example", "full_name": "김민준"},
    "a name of emoji": {"full_name": "👩‍👩‍👧‍👦🎉", "email": "family@shop.example"},
    "only combining marks": {"full_name": "\u0301\u0302\u0303"},
    "control characters": {"full_name": "김\x01민\x02준\x7f", "phone": "010\x0b4321\x0c8765"},
    "a year nobody was born in": {"birth_date": "19755-01-01", "full_name": "이서연"},
    "a day that is none": {"birth_date": "1999-02-30", "full_name": "이서연"},
    "mixed scripts": {"full_name": "Кім Minjun 민준", "address": "Straße 서울 улица 5"},
    "right to left": {"full_name": "\u202eמשה כהן\u202c", "address": "שדרות רוטשילד 10"},
    "a name of one letter ten thousand times": {"full_name": "ㅋ" * 10_000},
    "a name that is a formula": {"full_name": "=1+1", "email": "+1@shop.example"},
    "full width": {
        "full_name": "ＫＩＭ ＭＩＮＪＵＮ",
        "phone": "０１０－４３２１－８７６５",
        "email": "ＫＩＭ@ＳＨＯＰ.example",
    },
    "a lone jamo": {"full_name": "ㄱ", "given_name": "ㅏ"},
}


def test_odd_values_cost_nobody_anything(tmp_path: Path) -> None:
    """Each of them in two rows, so that each also meets itself."""
    who = names(3)
    rows = [{"external_id": f"o{n}", "full_name": next(who), "phone": f"010-2{n:03}-{9000 - n}"} for n in range(40)]
    rows += [{"external_id": f"{what} {time}"} | odd for what, odd in ODD.items() for time in (1, 2)]
    imported(tmp_path, "crm", rows)
    assert max(resolved()) <= 4
    kept = Record.objects.filter(kind="customer").count()
    assert kept + Quarantined.objects.count() == len(rows), "taken or kept apart, never gone"


def test_two_sources_that_swap_columns_still_find_their_people(tmp_path: Path) -> None:
    """One of them writes the family name where the given name belongs, and the phone where the e-mail does."""
    people = [
        (name, f"010-3{n:03}-{7000 - n}", f"person{n}@mail.example") for n, name in enumerate(islice(names(4), 300))
    ]
    right = [
        {"external_id": f"p{n}", "given_name": name[1:], "family_name": name[0], "phone": phone, "email": email}
        for n, (name, phone, email) in enumerate(people)
    ]
    swapped = [row | {"given_name": row["family_name"], "family_name": row["given_name"]} for row in right]
    imported(tmp_path, "crm", right)
    imported(tmp_path, "till", swapped)
    assert max(resolved()) <= 3
    together = sum(profile("crm", f"p{n}") == profile("till", f"p{n}") for n in range(len(people)))
    assert together >= 0.95 * len(people)
