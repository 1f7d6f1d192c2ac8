"""The events and files that the stories need beyond what any customer does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cdp.demo.catalog import draw_basket
from cdp.demo.chance import SEOUL, often
from cdp.demo.desks import ERASURE
from cdp.demo.journeys import Journeys
from cdp.demo.outbox import Outbox, Table, local_text, utc_text
from cdp.demo.records import Clerk, Record
from cdp.demo.shopfront import product_fields
from cdp.demo.stories import RECEIPTS_OF_THE_CASHIER, Story, Storyteller
from cdp.demo.tills import SILENT_STORE

WRONG_YEAR = 2031
PAPER_FORMS = 30
PAPER_HEADER = ("회원번호", "이름", "휴대전화", "생년월일", "우편번호", "수정일시")
PAPER_MAPPING: dict[str, object] = {
    "columns": {"회원번호": "external_id", "이름": "phone", "휴대전화": "full_name", "생년월일": "birth_date",
                "우편번호": "postcode", "수정일시": "updated_at"},
    "sealed": [],
    "clear": [],
}  # fmt: skip


def plant(journeys: Journeys, teller: Storyteller, clerk: Clerk, records: Sequence[Record]) -> list[Story]:
    """Adds the events of the stories to the outbox; returns all stories, those without people of their own too."""
    _cashier(journeys, teller["cashier-card"])
    _wrong_clock(journeys, teller["wrong-clock"])
    _erasure(journeys, teller["erasure-due"])
    return [*teller.stories, _silent_store(journeys), _paper_forms(journeys.outbox, clerk, records)]


def _cashier(journeys: Journeys, story: Story) -> None:
    """The card is swiped for customers who have none: twenty shifts, twenty receipts each."""
    card, tills, rng = story.records[0], journeys.tills, journeys.rng
    for number in range(RECEIPTS_OF_THE_CASHIER):
        shift = journeys.outbox.now.astimezone(SEOUL) - timedelta(days=50 + 25 * (number // 20))
        when = shift.replace(hour=11, minute=0) + timedelta(minutes=rng.uniform(0, 500))
        tills.ring_up("haru-pos", when, card.external_id, "", "haru-gangnam")


def _wrong_clock(journeys: Journeys, story: Story) -> None:
    """Messages stamped, and marked as sent, by a clock that is years ahead."""
    record, shop, rng = story.records[0], journeys.shop, journeys.rng
    device = shop.device(record)
    ahead = journeys.outbox.now.replace(year=WRONG_YEAR, month=3, day=15)
    for number, (product, _) in enumerate((draw_basket(rng, "haru") * 6)[:6]):
        when = ahead + timedelta(minutes=3 * number)
        sent: dict[str, object] = {"sentAt": utc_text(when + timedelta(seconds=2)), "event": "Product Viewed"}
        body = sent | {"properties": product_fields(product)}
        shop.message(record.source, "track", device, when, record.external_id, body)
    story.details |= {"year": WRONG_YEAR, "messages": 6, "device_id": device.context["device"]["id"]}  # type: ignore[index]


def _erasure(journeys: Journeys, story: Story) -> None:
    """Orders in both brands' channels, then a call: ten days, the first not counted, end tomorrow (PIPA)."""
    web, till, desk = story.records
    now = journeys.outbox.now.astimezone(SEOUL)
    for days, record in ((410, web), (290, till), (170, web), (60, till)):
        journeys.buy(record, journeys.outbox.now - timedelta(days=days))
    asked = (now - timedelta(days=9)).replace(hour=11, minute=20, second=0, microsecond=0)
    call = journeys.calls.call(desk, asked, ERASURE)
    due = (now + timedelta(days=1)).date().isoformat()
    orders = [purchase.order for purchase in journeys.outbox.purchases if purchase.person is web.person]
    story.details |= {"call": call, "asked_at": asked.isoformat(), "due_on": due, "orders_kept": orders}


def _silent_store(journeys: Journeys) -> Story:
    rows = [row for source in ("haru-pos", "onsae-pos") for row in journeys.tills.table(source).rows]
    last = max((str(row[2]) for row in rows if row[3] == SILENT_STORE), default="")
    return Story(
        "silent-store",
        {"ko": "소식이 끊긴 매장", "en": "A store gone silent"},
        {"ko": "하루 마포점의 영수증이 한 달 반째 들어오지 않습니다.",
         "en": "No receipt of the store in Mapo has arrived for six weeks."},
        details={"store": SILENT_STORE, "last_receipt_at": last, "zone": "Asia/Seoul"},
    )  # fmt: skip


def _paper_forms(outbox: Outbox, clerk: Clerk, records: Sequence[Record]) -> Story:
    """Membership forms typed up by a store: CP949, names under the telephone's header and the reverse."""
    table = outbox.table(Table("extra/onsae-pos-paper", "onsae-pos", PAPER_HEADER, PAPER_MAPPING, "cp949"))
    members = [r for r in records if r.source == "haru-pos" and r.values["phone"] and r.values["full_name"][:1] >= "가"]
    forms = [_form(outbox, clerk, r) for r in outbox.rng.sample(members, min(PAPER_FORMS, len(members)))]
    for form in forms:
        values = (form.values["phone"], form.values["full_name"], form.values["birth_date"], form.values["postcode"])
        table.rows.append((form.external_id, *values, local_text(form.updated)))
    return Story(
        "swapped-columns",
        {"ko": "열이 바뀐 CP949 파일", "en": "A CP949 file with swapped columns"},
        {"ko": "‘이름’ 열에는 전화번호가, ‘휴대전화’ 열에는 이름이 들어 있고 글자는 UTF-8이 아닙니다.",
         "en": "Numbers stand under the header of names and names under that of numbers; the text is not UTF-8."},
        forms,
        {"file": f"{table.path}.csv", "encoding": table.encoding, "swapped": ["이름", "휴대전화"]},
    )  # fmt: skip


def _form(outbox: Outbox, clerk: Clerk, known: Record) -> Record:
    """The paper form of a customer who already has a card of the other brand."""
    values = {"full_name": known.person.name.full, "phone": known.values["phone"], "birth_date": ""}
    values |= {"birth_date": known.person.born.isoformat()} if often(outbox.rng, 0.6) else {}
    values |= clerk.home(known.person, known.updated)
    external_id = clerk.external_id("onsae-pos", values)
    return Record("onsae-pos", external_id, known.person, known.updated, known.updated, values)
