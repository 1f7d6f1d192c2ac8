"""The survey panel (NPS) and the e-mail test, whose effect on orders is planted and therefore known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cdp.demo.chance import SEOUL, often
from cdp.demo.outbox import Outbox, Purchase, Table, local_text
from cdp.demo.records import Record

SURVEY_HEADER = ("answer_no", "answered_at", "respondent", "survey", "score", "comment")
MAIL_HEADER = ("message_no", "event", "happened_at", "recipient", "campaign", "arm")
PLAIN: dict[str, object] = {
    "zone": "Asia/Seoul",
    "receipt": None,
    "order": None,
    "place": None,
    "money": None,
    "currency": "KRW",
    "refund": None,
    "identifiers": {},
}
SURVEY_MAPPING: dict[str, object] = PLAIN | {
    "event": {"constant": "NPS Answered"},
    "message_id": "answer_no",
    "time": "answered_at",
    "customer": {"column": "respondent", "kind": "customer"},
    "properties": {"survey": "survey", "score": "score"},
    "sealed": ["comment"],
}
MAIL_MAPPING: dict[str, object] = PLAIN | {
    "event": {"column": "event"},
    "message_id": "message_no",
    "time": "happened_at",
    "customer": {"column": "recipient", "kind": "customer"},
    "properties": {"campaign": "campaign", "arm": "arm"},
    "sealed": [],
}
COMMENTS = {
    "low": ("매장 직원이 불친절했어요.", "배송이 늦고 연락도 안 됩니다.", "가격이 너무 올랐어요."),
    "middle": ("보통이에요.", "앱이 조금 느립니다.", ""),
    "high": ("늘 잘 쓰고 있어요.", "디자인이 예뻐서 친구에게도 추천했습니다.", ""),
}
CAMPAIGN, HOLDOUT, EFFECT, WINDOW = "winback-home", 0.3, 0.12, timedelta(days=14)


def answer_survey(outbox: Outbox, record: Record) -> None:
    """One or two answers of a panel member, 0 to 10, with a comment."""
    rng, table = outbox.rng, outbox.table(Table("surveys/survey", "survey", SURVEY_HEADER, SURVEY_MAPPING))
    mood = rng.gauss(7.4, 2.0)
    for _ in range(1 + often(rng, 0.4)):
        score = max(0, min(10, round(rng.gauss(mood, 1.0))))
        when = outbox.calendar.moment(rng, record.created, outbox.now)
        comment = rng.choice(COMMENTS["low" if score < 7 else "middle" if score < 9 else "high"])
        table.rows.append((outbox.number("NPS"), local_text(when), record.external_id, "brand", score, comment))


class MailTest:
    """A campaign to the e-mail list with a holdout; `effect` is the planted rise of the share that orders."""

    def __init__(self, outbox: Outbox, members: Sequence[Record]) -> None:
        self.outbox, self.rng = outbox, outbox.rng
        self.sent_at = (outbox.now - timedelta(days=40)).astimezone(SEOUL).replace(hour=10, minute=0, second=0)
        listed = self._eligible(members)
        self.arms = {id(record): "holdout" if often(self.rng, HOLDOUT) else "test" for record in listed}
        self.members = [record for record in members if id(record) in self.arms]
        self.table = outbox.table(Table("emails/email-test", "email-test", MAIL_HEADER, MAIL_MAPPING))

    def _eligible(self, members: Sequence[Record]) -> list[Record]:
        """One address a person, consented and not withdrawn before the day of sending."""
        first = {record.person.key: record for record in reversed(members) if record.created < self.sent_at}
        return [record for record in first.values() if record.consents.get("marketing:email") == "granted"]

    def run(self) -> list[Record]:
        """Writes assignments, deliveries, opens and clicks; returns the recipients whom the mail moves to order."""
        moved: list[Record] = []
        for record in self.members:
            arm = self.arms[id(record)]
            self._write(record, "Email Assigned", self.sent_at - timedelta(hours=1))
            if arm == "test":
                self._deliver(record)
                moved += [record] if often(self.rng, EFFECT) else []
        return moved

    def _deliver(self, record: Record) -> None:
        when = self.sent_at + timedelta(seconds=self.rng.randrange(600))
        self._write(record, "Email Delivered", when)
        for event, share in (("Email Opened", 0.42), ("Email Link Clicked", 0.3), ("Email Unsubscribed", 0.05)):
            if not often(self.rng, share):
                return
            when += timedelta(minutes=self.rng.expovariate(1 / 90))
            self._write(record, event, when)
            if event == "Email Unsubscribed":
                record.consents["marketing:email"], record.consent_at = "withdrawn", when

    def _write(self, record: Record, event: str, when: datetime) -> None:
        row = (self.outbox.number("MAIL"), event, local_text(when), record.external_id, CAMPAIGN, self.arms[id(record)])
        self.table.rows.append(row)

    def answers(self, purchases: Sequence[Purchase]) -> dict[str, object]:
        """What an analysis that knows who is who must find: orders of any channel within the window, by arm."""
        until = self.sent_at + WINDOW
        bought = {p.person.key for p in purchases if self.sent_at <= p.when < until}
        answers: dict[str, object] = {"campaign": CAMPAIGN, "sent_at": self.sent_at.isoformat()}
        answers |= {"planted_effect": EFFECT, "window_days": WINDOW.days, "window_ends": until.isoformat()}
        for arm in ("test", "holdout"):
            people = {record.person.key for record in self.members if self.arms[id(record)] == arm}
            answers[arm] = {"people": len(people), "ordered": len(people & bought)}
        return answers
