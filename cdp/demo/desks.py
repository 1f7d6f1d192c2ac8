"""The call center and the loan desk: calls with topic and free text, scores after calls, loan applications."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cdp.demo.chance import DESK_HOURS, Weighted, often
from cdp.demo.outbox import Outbox, Table, local_text
from cdp.demo.records import Record

CALL_HEADER = (
    "call_id", "called_at", "direction", "customer_no", "caller_number", "duration_s", "topic", "agent", "outcome",
    "satisfaction", "transcript",
)  # fmt: skip
CALL_MAPPING: dict[str, object] = {
    "event": {"constant": "Call Completed"},
    "message_id": "call_id",
    "time": "called_at",
    "zone": "Asia/Seoul",
    "customer": {"column": "customer_no", "kind": "customer"},
    "receipt": "call_id",
    "order": None,
    "place": None,
    "money": None,
    "currency": "KRW",
    "refund": None,
    "properties": {"direction": "direction", "duration_s": "duration_s", "topic": "topic", "agent": "agent",
                   "outcome": "outcome", "satisfaction": "satisfaction"},
    "sealed": ["transcript"],
    "identifiers": {"phone": "caller_number"},
}  # fmt: skip
SCORE_HEADER = ("answer_no", "answered_at", "customer_no", "call_id", "score", "comment")
SCORE_MAPPING: dict[str, object] = CALL_MAPPING | {
    "event": {"constant": "CSAT Answered"},
    "message_id": "answer_no",
    "time": "answered_at",
    "receipt": None,
    "properties": {"call_id": "call_id", "score": "score"},
    "sealed": ["comment"],
    "identifiers": {},
}
LOAN_HEADER = (
    "event_no", "happened_at", "customer_no", "event", "application_no", "product", "amount", "document", "decision",
)  # fmt: skip
LOAN_MAPPING: dict[str, object] = CALL_MAPPING | {
    "event": {"column": "event"},
    "message_id": "event_no",
    "time": "happened_at",
    "receipt": None,
    "properties": {"application_no": "application_no", "product": "product", "amount": "amount",
                   "document": "document", "decision": "decision"},
    "sealed": [],
    "identifiers": {},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topic:
    """What calls are about: how often they leave the caller unhappy, and what is said."""

    name: str
    unhappy: float
    said: tuple[str, ...]


SAID = {
    "delivery": (
        "{name}입니다. 주문한 상품이 아직 오지 않았어요. {phone}로 연락 주세요.",
        "배송이 사흘이나 늦어졌는데 안내 문자도 없었습니다. 주소는 {city} {street}입니다.",
    ),
    "return": ("사이즈가 맞지 않아 반품하고 싶습니다. 이름은 {name}이에요.", "환불이 언제 되는지 궁금합니다."),
    "defect": (
        "받은 상품에 얼룩이 있어요. 교환해 주세요. {name}, {phone}.",
        "두 번 신었는데 밑창이 떨어졌습니다. 정말 실망이에요.",
    ),
    "stock": ("강남점에 이 색상 재고가 있나요?", "Is the beige coat in stock? This is {name}."),
    "membership": ("적립 카드를 잃어버렸어요. {name}, 번호는 {phone}입니다.", "포인트가 얼마나 남았나요?"),
    "payment": ("카드가 두 번 결제되었어요. 확인해 주세요.", "할부 개월 수를 바꾸고 싶습니다."),
}
TOPICS = Weighted(
    (Topic(name, unhappy, SAID[name]), share)
    for name, unhappy, share in (
        ("delivery", 0.35, 30.0), ("return", 0.3, 22.0), ("defect", 0.7, 12.0), ("stock", 0.05, 14.0),
        ("membership", 0.1, 16.0), ("payment", 0.3, 6.0),
    )
)  # fmt: skip
KIND, ANGRY = ("친절했습니다.", "", ""), ("너무 오래 기다렸어요.", "해결되지 않았습니다.", "")
ERASURE = Topic("erasure", 0.0, ("{name}입니다. 제 개인정보를 모두 삭제해 주세요. 연락처는 {phone}입니다.",))


class CallCenter:
    """Calls of customers that were recognised, of callers that were not, and the score asked for afterwards."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox, self.rng = outbox, outbox.rng
        self.table = outbox.table(Table("calls/call-center", "call-center", CALL_HEADER, CALL_MAPPING))
        self.scores = outbox.table(Table("surveys/call-center", "call-center", SCORE_HEADER, SCORE_MAPPING))

    def history(self, record: Record) -> None:
        """The calls of one customer number: one to a few, from its first day on."""
        for number in range(1 + min(int(self.rng.expovariate(1.2)), 6)):
            when = self.outbox.calendar.moment(self.rng, record.created, self.outbox.now, DESK_HOURS)
            recognised = number == 0 or often(self.rng, 0.85)
            self.call(record, when if number else record.created, TOPICS.draw(self.rng), recognised)

    def call(self, record: Record, when: datetime, topic: Topic, recognised: bool = True) -> str:
        """One call; an unhappy one gets 1 or 2 of 5, and half of the calls get no score. Returns its number."""
        unhappy, number = often(self.rng, topic.unhappy), self.outbox.number("CALL")
        score = self.rng.choice((1, 1, 2)) if unhappy else self.rng.choice((3, 4, 4, 5, 5))
        caller = record.values.get("phone", "") if often(self.rng, 0.93) else ""
        answered = "" if often(self.rng, 0.45) and topic is not ERASURE else score
        self.table.rows.append(
            (number, local_text(when), "inbound" if often(self.rng, 0.9) else "outbound",
             record.external_id if recognised else "", caller, int(self.rng.lognormvariate(5.1, 0.6)), topic.name,
             f"A{self.rng.randrange(1, 25):02d}", "open" if unhappy and often(self.rng, 0.4) else "resolved", answered,
             self._transcript(record, topic))
        )  # fmt: skip
        if recognised and answered and often(self.rng, 0.6):
            self._ask(record, when, number, score)
        return number

    def _transcript(self, record: Record, topic: Topic) -> str:
        person, home = record.person, record.person.home_at(record.updated)
        phone = record.values.get("phone") or person.phone_at(record.updated)
        said = self.rng.choice(topic.said)
        return said.format(name=person.name.full, phone=phone, city=home.area.district, street=home.road)

    def _ask(self, record: Record, when: datetime, call: str, score: int) -> None:
        answered = min(when + timedelta(hours=self.rng.uniform(0.1, 30)), self.outbox.now)
        comment = self.rng.choice(KIND if score > 2 else ANGRY)
        row = (self.outbox.number("CSAT"), local_text(answered), record.external_id, call, score, comment)
        self.scores.rows.append(row)


class LoanDesk:
    """Instalment loans: applications that are decided, and applications that break off on the way."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox, self.rng = outbox, outbox.rng
        self.table = outbox.table(Table("loans/loan-desk", "loan-desk", LOAN_HEADER, LOAN_MAPPING))

    def apply(self, record: Record) -> None:
        """One application, begun the day the record was made or, for every third, within the last six weeks."""
        recent = self.outbox.now - timedelta(days=self.rng.uniform(0.5, 42))
        when = max(record.created, recent) if often(self.rng, 0.35) else record.created
        facts = (self.outbox.number("LOAN"), self.rng.choice(("instalment", "furniture")))
        amount = self.rng.randrange(5, 60) * 100_000
        for event, document, decision in self._steps():
            if when < self.outbox.now:
                row = (self.outbox.number("LE"), local_text(when), record.external_id, event, *facts, amount)
                self.table.rows.append((*row, document, decision))
            when += timedelta(hours=self.rng.uniform(0.2, 40))

    def _steps(self) -> list[tuple[str, str, str]]:
        steps = [("Application Started", "", "")]
        for document in ("identity", "income"):
            if often(self.rng, 0.25):
                steps.append(("Document Upload Failed", document, ""))
                if often(self.rng, 0.45):
                    return steps
            steps.append(("Document Uploaded", document, ""))
        if often(self.rng, 0.15):
            return steps
        return [*steps, ("Review Decided", "", "approved" if often(self.rng, 0.7) else "declined")]
