"""Two years of what the customers do: sign-ups, visits, orders with skew and seasons, calls, applications, answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from cdp.demo.asked import WINDOW, MailTest, answer_survey
from cdp.demo.catalog import draw_basket
from cdp.demo.chance import SCREEN_HOURS, STORE_HOURS, often
from cdp.demo.channels import ONLINE, SOURCES, STORES_TILLS
from cdp.demo.desks import CallCenter, LoanDesk
from cdp.demo.outbox import Outbox
from cdp.demo.records import Record
from cdp.demo.shopfront import Shopfront
from cdp.demo.tills import Tills

SELLING = {"haru-pos": 1.0, "onsae-pos": 0.8, "haru-app": 0.7, "haru-web": 0.6, "onsae-web": 0.6}
ORDERS_FOR_AN_APPETITE = 2.6


class Journeys:
    """Lets the customers behind the records act, person by person."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox, self.rng, self.calendar = outbox, outbox.rng, outbox.calendar
        self.shop, self.tills = Shopfront(outbox), Tills(outbox)
        self.calls, self.loans = CallCenter(outbox), LoanDesk(outbox)
        self.selling: defaultdict[str, list[Record]] = defaultdict(list)

    def run(self, records: Sequence[Record]) -> MailTest:
        """All journeys; returns the e-mail test, whose answers need the purchases."""
        for record in records:
            if record.source in SELLING:
                self.selling[record.person.key].append(record)
        for record in records:
            self._begin(record)
        for key in list(self.selling):
            self._shop(self.selling[key])
        self._strangers(len(self.selling))
        self._left_baskets([record for record in records if record.source in ONLINE])
        return self._mail_test([record for record in records if record.source == "email-test"])

    def _begin(self, record: Record) -> None:
        """What follows from a record whether or not its owner buys."""
        if record.source in ONLINE:
            self.shop.sign_up(record)
            for _ in range(int(self.rng.expovariate(1.0))):
                self.shop.browse(record, self._moment(record))
        elif record.source == "call-center":
            self.calls.history(record)
        elif record.source == "loan-desk":
            self.loans.apply(record)
        elif record.source == "survey":
            answer_survey(self.outbox, record)

    def _moment(self, record: Record) -> datetime:
        hours = STORE_HOURS if record.source in STORES_TILLS else SCREEN_HOURS
        until = max(record.created, record.person.until)
        return self.calendar.moment(self.rng, record.created, until, hours)

    def _shop(self, records: list[Record]) -> None:
        """The orders of one person over the sources that sell to them."""
        wanted = records[0].person.appetite * ORDERS_FOR_AN_APPETITE
        weights = [SELLING[record.source] for record in records]
        for record in self.rng.choices(records, weights, k=int(wanted) + often(self.rng, wanted % 1)):
            self.buy(record, self._moment(record))

    def buy(self, record: Record, when: datetime) -> None:
        shelf = self.tills if record.source in STORES_TILLS else self.shop
        self.outbox.purchases.append(shelf.order(record, when))

    def _strangers(self, buyers: int) -> None:
        """Receipts without a member, and visitors who never say who they are."""
        self.tills.strangers(int(buyers * 0.6))
        for _ in range(int(buyers * 0.3)):
            source = self.rng.choice(ONLINE)
            when = self.calendar.moment(self.rng, self.calendar.start, self.calendar.now)
            self.shop.look_around(source, self.shop.new_device(source), when)

    def _left_baskets(self, online: list[Record]) -> None:
        """Baskets of the last day, one in three of which became an order after all."""
        for record in self.rng.sample(online, min(len(online), 4 + len(online) // 100)):
            when = self.outbox.now - timedelta(hours=self.rng.uniform(1, 21))
            if record.created >= when:
                continue
            if often(self.rng, 0.33):
                self.buy(record, when)
            else:
                basket = draw_basket(self.rng, SOURCES[record.source].brand)
                self.shop.fill_basket(record, self.shop.device(record), when, basket)

    def _mail_test(self, members: list[Record]) -> MailTest:
        """Those whom the mail moved order within the window, each from a source they already used."""
        test = MailTest(self.outbox, [record for record in members if self.selling.get(record.person.key)])
        for record in test.run():
            known = [other for other in self.selling[record.person.key] if other.created < test.sent_at]
            end = min(test.sent_at + WINDOW - timedelta(hours=2), self.outbox.now)
            if known:
                self.buy(self.rng.choice(known), test.sent_at + (end - test.sent_at) * self.rng.uniform(0.01, 0.99))
        return test
