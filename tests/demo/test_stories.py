"""Every planted story can be found in the written files, by what the files say."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from cdp.demo.difficulty import normalised_phone
from tests.demo.conftest import NOW
from tests.demo.reading import Folder


def views(folder: Folder, key: str) -> list[dict[str, Any]]:
    """The records of a story as the files show them, each with its source and its person."""
    found = []
    for member in folder.stories[key]["records"]:
        source, external_id = member["source"], member["external_id"]
        online = source in folder.online
        values = folder.traits(source, external_id) if online else folder.record(source, external_id)
        name = values.get("name") or values.get("full_name") or full_name(values)
        phone = normalised_phone(values.get("phone", ""))
        owner = folder.owner[source, external_id]
        found.append({**values, "source": source, "person": owner, "as": name, "phone": phone})
    return found


def full_name(values: dict[str, Any]) -> str:
    family = values.get("family_name") or values.get("lastName", "")
    return str(family + (values.get("given_name") or values.get("firstName", "")))


def born(view: dict[str, Any]) -> str:
    written = str(view.get("birth_date") or view.get("birthday") or "")
    return "".join(sign for sign in written if sign.isdigit())


def test_one_person_on_five_channels(folder: Folder) -> None:
    seen = views(folder, "five-channels")
    channels = {row["name"]: row["channel"] for row in folder.json("sources.json")}
    assert len({channels[view["source"]] for view in seen}) == 5
    assert len({view["person"] for view in seen}) == 1
    assert len({view["as"] for view in seen}) == 3, "Hangul, romanised, mistyped"


def test_a_number_passes_from_one_person_to_another(folder: Folder) -> None:
    seen = views(folder, "recycled-number")
    assert len({view["phone"] for view in seen}) == 1 and seen[0]["phone"]
    assert Counter(view["person"] for view in seen).most_common() == [(seen[0]["person"], 2), (seen[2]["person"], 2)]


def test_father_and_son_share_number_home_and_surname(folder: Folder) -> None:
    seen = views(folder, "father-and-son")
    assert len({view["phone"] for view in seen}) == 1
    assert {view["as"][0] for view in seen} == {"탁"} and len({view["as"] for view in seen}) == 2
    assert len({view["person"] for view in seen}) == 2


def test_twins_differ_by_a_letter(folder: Folder) -> None:
    seen = views(folder, "twins")
    assert len({born(view) for view in seen}) == len({view["phone"] for view in seen}) == 1
    assert {view["as"] for view in seen} == {"반서윤", "반서연"}
    assert len({view["person"] for view in seen}) == 2


def test_namesakes_share_name_and_birth_date_only(folder: Folder) -> None:
    seen = views(folder, "namesakes")
    assert {(view["as"], born(view)) for view in seen} == {("김지훈", "19850714")}
    assert len({view["person"] for view in seen}) == len({view["phone"] for view in seen}) == 2
    assert len({view["email"] for view in seen}) == 2


def test_the_cashiers_card_has_400_receipts(folder: Folder) -> None:
    card = folder.stories["cashier-card"]["records"][0]["external_id"]
    events = [when for when, row in folder.events("receipts/haru-pos.csv") if row["member_no"] == card]
    others = Counter(row["member_no"] for _, row in folder.events("receipts/haru-pos.csv") if row["member_no"])
    assert len(events) == 400 and others.most_common(2)[1][1] < 100
    assert Counter(when.date() for when in events).most_common(1)[0][1] >= 20


def test_one_store_has_gone_silent(folder: Folder) -> None:
    last: dict[str, datetime] = {}
    for name in ("receipts/haru-pos.csv", "receipts/onsae-pos.csv"):
        for when, row in folder.events(name):
            last[row["store"]] = max(when, last.get(row["store"], when))
    assert len(last) == 3
    silent = {store for store, when in last.items() if when < NOW - timedelta(days=30)}
    assert silent == {folder.stories["silent-store"]["details"]["store"]}
    assert all(NOW - when < timedelta(days=4) for store, when in last.items() if store not in silent)


def test_the_paper_forms_are_cp949_with_swapped_columns(folder: Folder) -> None:
    details = folder.stories["swapped-columns"]["details"]
    raw = (folder.path / details["file"]).read_bytes()
    assert "휴대전화" in raw.decode("cp949")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        raise AssertionError("the file reads as UTF-8")
    rows = folder.rows(details["file"], "cp949")
    assert len(rows) == 30
    assert all(normalised_phone(row["이름"]) and not normalised_phone(row["휴대전화"]) for row in rows)
    known = {row["external_id"] for row in folder.rows("truth/truth.csv") if row["source"] == "onsae-pos"}
    assert {row["회원번호"] for row in rows} <= known


def test_a_telephone_lives_in_2031(folder: Folder) -> None:
    messages = [message for message in folder.online["haru-app"] if message["timestamp"].startswith("2031")]
    assert len(messages) == 6
    assert {message["context"]["device"]["id"] for message in messages} == {
        folder.stories["wrong-clock"]["details"]["device_id"]
    }
    for message in messages:
        lag = datetime.fromisoformat(message["sentAt"]) - datetime.fromisoformat(message["timestamp"])
        assert timedelta(0) < lag < timedelta(minutes=1)


def test_an_erasure_is_due_tomorrow_and_orders_are_held(folder: Folder) -> None:
    story = folder.stories["erasure-due"]
    when, call = next(c for c in folder.events("calls/call-center.csv") if c[1]["topic"] == "erasure")
    assert call["call_id"] == story["details"]["call"]
    assert ("call-center", call["customer_no"]) in {(r["source"], r["external_id"]) for r in story["records"]}
    due = when.date() + timedelta(days=10)
    assert due.isoformat() == story["details"]["due_on"]
    assert due == NOW.astimezone(when.tzinfo).date() + timedelta(days=1)
    receipts = {row["receipt_no"] for row in folder.rows("receipts/haru-pos.csv")}
    orders = {m["properties"]["order_id"] for m in folder.online["haru-web"] if m.get("event") == "Order Completed"}
    kept = set(story["details"]["orders_kept"])
    assert kept & receipts and kept & orders and kept <= receipts | orders


def test_the_telling_segments_have_members(folder: Folder) -> None:
    """Counted over people, from the files and the truth: what the quickstart's segments will look for."""
    orders = orders_of_people(folder)
    carts = {key for key, _ in online_events(folder, "Product Added", timedelta(days=1))}
    bought = {key for key, when in orders if when > NOW - timedelta(days=1)}
    assert len(carts - bought) >= 5, "baskets of the last day that were left behind"
    last = dict(sorted(orders, key=lambda order: order[1]))
    many = {key for key, count in Counter(key for key, _ in orders).items() if count >= 10}
    assert [key for key in many if last[key] < NOW - timedelta(days=90)], "good customers gone quiet"
    app = {folder.owner["haru-app", m["userId"]] for m in folder.online["haru-app"] if "userId" in m}
    till = Counter(key for key, _ in receipts_of_people(folder))
    assert [key for key, count in till.items() if count >= 5 and key not in app], "store regulars without the app"
    unhappy = {
        folder.owner["call-center", row["customer_no"]]: when
        for when, row in sorted(folder.events("calls/call-center.csv"), key=lambda call: call[0])
        if row["customer_no"] and row["satisfaction"] in ("1", "2")
    }
    assert [key for key, when in unhappy.items() if key not in last or last[key] < when]
    assert birth_months(folder).count(NOW.month) > 10
    steps: dict[str, set[str]] = {}
    for _, row in folder.events("loans/loan-desk.csv"):
        steps.setdefault(row["application_no"], set()).add(row["event"])
    assert [number for number, seen in steps.items() if "Review Decided" not in seen]


def online_events(folder: Folder, event: str, within: timedelta) -> list[tuple[str, datetime]]:
    found = []
    for source, messages in folder.online.items():
        for message in messages:
            when = datetime.fromisoformat(message["timestamp"])
            if message.get("event") == event and "userId" in message and NOW - within < when <= NOW:
                found.append((folder.owner[source, message["userId"]], when))
    return found


def receipts_of_people(folder: Folder) -> list[tuple[str, datetime]]:
    return [
        (folder.owner[source, row["member_no"]], when)
        for source in ("haru-pos", "onsae-pos")
        for when, row in folder.events(f"receipts/{source}.csv")
        if row["member_no"] and int(row["total"]) > 0
    ]


def orders_of_people(folder: Folder) -> list[tuple[str, datetime]]:
    return receipts_of_people(folder) + online_events(folder, "Order Completed", timedelta(days=731))


def birth_months(folder: Folder) -> list[int]:
    written = (m["traits"]["birthday"] for m in folder.online["haru-web"] if "birthday" in m.get("traits", {}))
    return [date.fromisoformat(text).month for text in written]
