"""The tills of three stores: receipts by loyalty card, by telephone number, or of nobody."""

from __future__ import annotations

from datetime import datetime, timedelta

from cdp.demo.catalog import draw_basket, total
from cdp.demo.chance import STORE_HOURS, Weighted, often
from cdp.demo.channels import SOURCES
from cdp.demo.outbox import Outbox, Purchase, Table, local_text
from cdp.demo.places import STORES
from cdp.demo.records import Record

HEADER = (
    "receipt_no", "order_no", "sold_at", "store", "register", "cashier", "member_no", "phone", "total", "currency",
    "items", "category", "payment",
)  # fmt: skip
MAPPING: dict[str, object] = {
    "event": {"constant": "Order Completed"},
    "message_id": "receipt_no",
    "time": "sold_at",
    "zone": "Asia/Seoul",
    "customer": {"column": "member_no", "kind": "customer"},
    "receipt": "receipt_no",
    "order": "order_no",
    "place": "store",
    "money": "total",
    "currency": {"column": "currency"},
    "refund": {"when_negative": True},
    "properties": {"items": "items", "category": "category", "payment": "payment", "register": "register",
                   "cashier": "cashier"},
    "sealed": [],
    "identifiers": {"phone": "phone"},
}  # fmt: skip
PAYMENTS = Weighted((("card", 70.0), ("mobile", 20.0), ("cash", 8.0), ("voucher", 2.0)))
SILENT_STORE, SILENT_FOR = "haru-mapo", timedelta(days=45)


class Tills:
    """Rings up what is sold in the stores; the till of one store has been silent for weeks."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox, self.rng = outbox, outbox.rng
        self.silent_since = outbox.now - SILENT_FOR

    def table(self, source: str) -> Table:
        return self.outbox.table(Table(f"receipts/{source}", source, HEADER, MAPPING))

    def store(self, source: str, when: datetime) -> str:
        """A store of the brand that was open and heard of at that time."""
        stores = [store.code for store in STORES if store.brand == SOURCES[source].brand]
        if when > self.silent_since and SILENT_STORE in stores:
            stores.remove(SILENT_STORE)
        return self.rng.choice(stores)

    def order(self, record: Record, when: datetime) -> Purchase:
        """A member's receipt: mostly by card; one in eight by telephone number instead."""
        phone = record.values.get("phone", "") if often(self.rng, 0.12) else ""
        number, amount = self.ring_up(record.source, when, "" if phone else record.external_id, phone)
        if often(self.rng, 0.03):
            self.take_back(record, number, amount, when + timedelta(days=self.rng.uniform(1, 12)))
        return Purchase(when, record.person, record, number, amount)

    def ring_up(self, source: str, when: datetime, member: str, phone: str, store: str = "") -> tuple[str, int]:
        """Writes a receipt; returns its number and total in won."""
        basket = draw_basket(self.rng, SOURCES[source].brand)
        number, amount = self.outbox.number(f"{SOURCES[source].brand[0].upper()}R"), total(basket)
        items, category = sum(quantity for _, quantity in basket), basket[0][0].category
        place = store or self.store(source, when)
        self._write(source, (number, number), when, place, (member, phone), (amount, items, category))
        return number, amount

    def take_back(self, record: Record, order: str, amount: int, when: datetime) -> None:
        if when < self.outbox.now:
            number = self.outbox.number(f"{SOURCES[record.source].brand[0].upper()}R")
            place = self.store(record.source, when)
            self._write(record.source, (number, order), when, place, (record.external_id, ""), (-amount, 1, "refund"))

    def _write(
        self,
        source: str,
        numbers: tuple[str, str],
        when: datetime,
        store: str,
        customer: tuple[str, str],
        sold: tuple[int, int, str],
    ) -> None:
        amount, items, category = sold
        till = (f"R{self.rng.randrange(1, 5)}", f"{store[:1].upper()}{self.rng.randrange(10, 30)}")
        money = (amount, "KRW", items, category, PAYMENTS.draw(self.rng))
        self.table(source).rows.append((*numbers, local_text(when), store, *till, *customer, *money))

    def strangers(self, count: int) -> None:
        """Receipts without a member: half of them cannot be claimed by anybody."""
        calendar = self.outbox.calendar
        for _ in range(count):
            source = "haru-pos" if often(self.rng, 0.65) else "onsae-pos"
            self.ring_up(source, calendar.moment(self.rng, calendar.start, calendar.now, STORE_HOURS), "", "")
