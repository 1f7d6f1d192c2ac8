"""What is written fits the doors: names, times, encodings, identifiers, and the truth apart from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import phonenumbers
import pytest
from email_validator import validate_email

from cdp.demo.chance import YEARS_OF_DATA
from cdp.demo.retailer import Retailer, generate
from tests.demo.conftest import NOW
from tests.demo.reading import Folder

EVENT_FILES = ("receipts/haru-pos", "receipts/onsae-pos", "calls/call-center", "surveys/call-center", "surveys/survey",
               "emails/email-test", "loans/loan-desk")  # fmt: skip


def content(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_equal_arguments_give_equal_files_and_other_seeds_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        generate(120, seed, now=NOW).write(tmp_path / name)
    assert content(tmp_path / "one") == content(tmp_path / "again")
    assert content(tmp_path / "one") != content(tmp_path / "other")


@pytest.mark.parametrize("people", [0, 1, 40])
def test_few_people_are_no_special_case(people: int, tmp_path: Path) -> None:
    generate(people, 1, now=NOW).write(tmp_path)
    assert len(Folder(tmp_path).stories) == 10


def test_sources_cover_brands_and_channels(folder: Folder) -> None:
    sources = {row["name"]: row for row in folder.json("sources.json")}
    assert {row["brand"] for row in sources.values()} == {"haru", "onsae", ""}
    assert {"web", "app", "pos", "call_center", "crm", "survey", "email"} == {
        row["channel"] for row in sources.values()
    }
    assert {row["source"] for row in folder.manifest} == set(sources)
    assert all((folder.path / row["file"]).stat().st_size > 200 for row in folder.manifest)


def test_every_message_has_an_id_of_its_own(folder: Folder) -> None:
    sdk = [message["messageId"] for messages in folder.online.values() for message in messages]
    columns = {name: folder.json(f"{name}.mapping.json")["message_id"] for name in EVENT_FILES}
    files = [row[column] for name, column in columns.items() for row in folder.rows(f"{name}.csv")]
    assert len(sdk) > 10_000 and len(files) > 3_000
    assert Counter(sdk + files).most_common(1)[0][1] == 1


def test_time_stays_within_two_years_but_for_one_clock(folder: Folder) -> None:
    story = folder.stories["wrong-clock"]
    sdk = [message for messages in folder.online.values() for message in messages]
    late = [message for message in sdk if at(message) > NOW]
    assert {message["userId"] for message in late} == {story["records"][0]["external_id"]}
    assert all(at(message) >= NOW - YEARS_OF_DATA for message in sdk)
    times = [when for name in EVENT_FILES for when, _ in folder.events(f"{name}.csv")]
    second = timedelta(seconds=1)
    assert NOW - YEARS_OF_DATA - second <= min(times) and max(times) <= NOW
    assert all("sentAt" not in message for message in sdk if message not in late), "the sender stamps the batch"


def at(message: dict[str, str]) -> datetime:
    return datetime.fromisoformat(message["timestamp"])


def test_clients_send_in_order(folder: Folder) -> None:
    for messages in folder.online.values():
        times = [at(message) for message in messages if at(message) <= NOW]
        assert times == sorted(times)


def test_mappings_name_columns_that_exist(folder: Folder) -> None:
    for row in folder.manifest:
        if row["mapping"]:
            mapping = folder.json(row["mapping"])
            header = set(folder.rows(row["file"], encoding_of(row["file"]))[0])
            assert set(named_columns(mapping)) <= header, row["file"]


def encoding_of(file: str) -> str:
    """The planted file of a store's old till is the one that is not UTF-8."""
    return "cp949" if file.startswith("extra/") else "utf-8"


def named_columns(mapping: dict[str, object]) -> Iterator[str]:
    """Every column that a mapping refers to."""
    for key, value in mapping.items():
        if key in ("message_id", "time", "receipt", "order", "place", "money") and isinstance(value, str):
            yield value
        elif key in ("event", "currency", "customer") and isinstance(value, dict) and "column" in value:
            yield str(value["column"])
        elif key in ("properties", "columns") and isinstance(value, dict):
            yield from value
        elif key == "identifiers" and isinstance(value, dict):
            yield from value.values()
        elif key == "sealed" and isinstance(value, list):
            yield from value


def test_truth_names_every_record_and_only_records(folder: Folder) -> None:
    users = {(s, m["userId"]) for s, messages in folder.online.items() for m in messages if "userId" in m}
    tables = [row for row in folder.manifest if row["door"] == "records"]
    for row in tables:
        names = folder.json(row["mapping"])["columns"] if row["mapping"] else {}
        key = next((column for column, known in names.items() if known == "external_id"), "external_id")
        users |= {(row["source"], record[key]) for record in folder.rows(row["file"], encoding_of(row["file"]))}
    assert users == set(folder.owner)


def test_events_of_files_belong_to_known_customers(folder: Folder) -> None:
    for name in EVENT_FILES:
        source, column = name.split("/")[1], folder.json(f"{name}.mapping.json")["customer"]["column"]
        named = {row[column] for row in folder.rows(f"{name}.csv")} - {""}
        assert named and all((source, customer) in folder.owner for customer in named), name


def test_contacts_are_well_formed(retailer: Retailer) -> None:
    people = retailer.people[:400]
    numbers = [number for person in people for _, number in person.phones]
    numbers += [person.family_phone for person in people if person.family_phone]
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number, "KR")) for number in numbers)
    for email in (email for person in people for email in person.emails):
        assert validate_email(email, check_deliverability=False).domain.split(".")[0] in {
            "example", "mail", "post", "univ", "office"
        }  # fmt: skip


def test_visits_begin_anonymous_and_are_bound_by_a_login(folder: Folder) -> None:
    for source, messages in folder.online.items():
        known, before = set(), set()
        for message in messages:
            if "userId" in message:
                known.add(message["anonymousId"])
            elif message["anonymousId"] not in known:
                before.add(message["anonymousId"])
        assert len(before & known) > 20, source
        assert len(before - known) > 20, "visitors who never say who they are"


def test_one_browser_serves_two_people_and_apps_carry_a_device(folder: Folder) -> None:
    users: dict[str, set[str]] = {}
    for message in folder.online["haru-web"]:
        if "userId" in message:
            users.setdefault(message["anonymousId"], set()).add(folder.owner["haru-web", message["userId"]])
    assert any(len(people) > 1 for people in users.values())
    assert all(message["context"]["device"]["id"] for message in folder.online["haru-app"])


def test_receipts_come_by_card_by_number_and_of_nobody(folder: Folder) -> None:
    rows = folder.rows("receipts/haru-pos.csv")
    kinds = Counter((bool(row["member_no"]), bool(row["phone"])) for row in rows)
    assert set(kinds) == {(True, False), (False, True), (False, False)}
    assert min(kinds.values()) > 50
    refunds = [row for row in rows if int(row["total"]) < 0]
    sold = {row["receipt_no"]: int(row["total"]) for row in rows}
    assert refunds and all(sold[row["order_no"]] >= -int(row["total"]) for row in refunds)


def test_consents_pass_both_doors_in_every_state(folder: Folder) -> None:
    rows = folder.rows("records/haru-pos.csv")
    assert {row["consent:marketing:sms"] for row in rows} == {"granted", "withdrawn", ""}
    due = [row for row in rows if row["consent_at"] and at_text(row["consent_at"]) < NOW - timedelta(days=700)]
    assert due, "near the end of two years"
    web = folder.online["haru-web"]
    assert any("consent" in message["context"] for message in web if message["type"] == "identify")
    changed = [message for message in web if message.get("event") == "Segment Consent Preference Updated"]
    assert any(False in message["context"]["consent"]["categoryPreferences"].values() for message in changed)


def at_text(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_orders_are_skewed_and_seasonal(retailer: Retailer) -> None:
    purchases = retailer.outbox.purchases
    counts = sorted(Counter(purchase.person.key for purchase in purchases).values(), reverse=True)
    assert sum(counts[: len(counts) // 5]) > 0.45 * sum(counts), "the best fifth buys about half"
    months = Counter(purchase.when.month for purchase in purchases if purchase.when > NOW - timedelta(days=365))
    assert months[12] > 1.3 * months[8]


def test_the_mail_moved_people_and_the_answer_says_how_many(folder: Folder, retailer: Retailer) -> None:
    answer = folder.json("truth/answers.json")["email_test"]
    rows = folder.events("emails/email-test.csv")
    arms = {row["recipient"]: row["arm"] for _, row in rows if row["event"] == "Email Assigned"}
    assert Counter(arms.values()) == {arm: answer[arm]["people"] for arm in ("test", "holdout")}
    assert not [row for _, row in rows if row["arm"] == "holdout" and row["event"] != "Email Assigned"]
    start, end = at_text(answer["sent_at"]), at_text(answer["window_ends"])
    bought = {purchase.person.key for purchase in retailer.outbox.purchases if start <= purchase.when < end}
    for arm in ("test", "holdout"):
        people = {folder.owner["email-test", recipient] for recipient, name in arms.items() if name == arm}
        assert len(people & bought) == answer[arm]["ordered"]
    share = {arm: answer[arm]["ordered"] / answer[arm]["people"] for arm in ("test", "holdout")}
    assert share["test"] > share["holdout"]
