"""Whatever names a suppressed value is stopped, at every door and in every spelling; a list that cannot be read lets
nothing through."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as configured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp import pipeline
from cdp.core.errors import Refused, Unavailable
from cdp.core.models import AuditEntry, DataKey
from cdp.core.privacy import hooks
from cdp.core.types import Actor
from cdp.events.actions import STEWARD, create_source
from cdp.events.models import Event, Quarantined, Source
from cdp.ingestion import gate, sources
from consent import suppression
from consent.actions import suppress
from consent.models import Suppression
from consent.types import Stopped
from identity.linkage.normalise import identifier
from identity.models import Record
from segments import actions as segments
from segments import approval, exports
from tests.consent.desk import signed_in
from tests.database import owner_parameters
from tests.ingestion.wire import counters, post, send, track

OFFICER, OTHER = Actor("user:officer"), Actor("user:other")
EMAIL, PHONE = "kim@x.kr", "010-1234-5678"
FULL_WIDTH = {ord(plain): chr(ord(plain) + 0xFEE0) for plain in map(chr, range(0x21, 0x7F))}


@pytest.fixture(autouse=True)
def forget_sources() -> Iterator[None]:
    sources.forget()
    yield
    sources.forget()


@pytest.fixture
def shop(db: None) -> tuple[Source, str]:
    return create_source(OFFICER, "shop", "web", brand="haru", zone="Asia/Seoul", currency="KRW")


@pytest.fixture
def listed(shop: tuple[Source, str]) -> tuple[Source, str]:
    suppress(OFFICER, "email", [EMAIL], "erased")
    suppress(OFFICER, "phone", [PHONE], "erased")
    return shop


# --- every spelling -----------------------------------------------------------------------------------------------------


def wide(text: str, where: int) -> str:
    """`text` with some of its characters in full width."""
    return "".join(char.translate(FULL_WIDTH) if where >> at & 1 else char for at, char in enumerate(text))


@st.composite
def spelled_phones(draw: st.DrawFn) -> tuple[str, str]:
    """(a Korean mobile number in E.164, the same as somebody writes it)."""
    middle = draw(st.integers(2000, 9999))
    last = draw(st.integers(0, 9999).map(lambda number: f"{number:04}").filter(lambda text: len(set(text)) > 1))
    start = draw(st.sampled_from(["010", "+82 10", "+82-10", "82 10", "+82 (0)10", "+8210", "(010)", "+82 010"]))
    gap = draw(st.sampled_from(["", " ", "-", ".", "–"]))
    return f"+8210{middle}{last}", wide(gap.join((start, str(middle), last)), draw(st.integers(0, 2**20)))


@st.composite
def spelled_emails(draw: st.DrawFn) -> tuple[str, str]:
    local = draw(st.from_regex(r"[a-z][a-z0-9]{2,8}(\.[a-z0-9]{1,4})?", fullmatch=True))
    plain = f"{local}@{draw(st.sampled_from(['x.kr', 'shop.example', 'mail.co.kr']))}"
    cased = "".join(draw(st.sampled_from([char, char.upper()])) for char in plain)
    around = draw(st.sampled_from(["{}", " {}", "{} ", "<{}>", "mailto:{}"]))
    return str(identifier("email", plain)), around.format(wide(cased, draw(st.integers(0, 2**20))))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        spelled_phones().map(lambda found: ("phone", *found)), spelled_emails().map(lambda found: ("email", *found))
    )
)
def test_a_name_is_found_in_every_spelling_wherever_it_stands(found: tuple[str, str, str]) -> None:
    kind, normal, spelled = found
    korean = {"phone": "휴대폰번호", "email": "이메일"}[kind]
    places: list[Any] = [
        {kind: spelled},
        {korean: spelled},
        {"a": [{"b": {kind: [spelled]}}]},
        {"deep": [[{korean: spelled}]]},
    ]
    for place in places:
        assert (kind, normal) in gate.contacts(place), place


@pytest.mark.parametrize(
    "content",
    [
        {"memo": "전화 010-1234-5678 로 연락 주세요"}, {"memo": "문의: ＫＩＭ@X.kr 입니다"}, {"phone": 1012345678},
        {"any": "+82 10 1234 5678"}, {"n": 821012345678}, {"kim@x.kr": 1}, ["x", ["01012345678"]],
    ],
)  # fmt: skip
def test_a_name_is_found_in_free_text_numbers_and_names_of_fields(content: Any) -> None:
    assert gate.contacts(content) & {("email", EMAIL), ("phone", "+821012345678")}


# --- every door ---------------------------------------------------------------------------------------------------------

NAMING: dict[str, dict[str, Any]] = {
    "trait": {"type": "identify", "userId": "u1", "traits": {"email": "ＫＩＭ@X.kr"}},
    "nested": track(properties={"order": {"buyer": {"contacts": [{"phone": "+82 10 1234 5678"}]}}}),
    "free text": track(properties={"comment": "주문 확인은 010 1234 5678 로 부탁드립니다. 배송 전에 꼭 전화 주세요."}),
    "user id": {"type": "track", "event": "x", "userId": " Kim@X.KR"},
    "alias": {"type": "alias", "userId": "u9", "previousId": "kim@x.kr"},
    "leaf": {"type": "identify", "userId": "u1", "anonymousId": "kim@x.kr", "traits": {"plan": "gold"}},
    "what does not fit": {"type": "nonsense", "traits": {"email": "KIM@x.kr"}},
    "a flaw": track(event="", traits={"phone": "01012345678"}),
}


@pytest.mark.parametrize("message", NAMING.values(), ids=NAMING)
def test_an_event_that_names_a_suppressed_value_is_stopped_and_counted(
    listed: tuple[Source, str], message: dict[str, Any]
) -> None:
    assert send(listed[1], message | {"messageId": "bad"}, track(messageId="good")).status_code == 200
    assert counters() == {"received": 2, "taken": 1, "suppressed": 1}
    assert Event.objects.count() == 1 and not Quarantined.objects.exists()
    assert suppression.stopped_lately(1) == [Stopped("shop", "suppressed", 1)]


def test_a_file_that_names_one_is_stopped_row_by_row(listed: tuple[Source, str], tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        f"external_id,이름,휴대폰,email\n1,김하나,{PHONE},\n2,이두리,,lee@x.kr\n3,박세나,1012345678,\n4,김하나,,ＫＩＭ@X.kr\n"
    )
    call_command("import_records", str(file), source="shop")
    assert Event.objects.count() == 1
    assert counters() == {"received": 4, "taken": 1, "suppressed": 3}


def test_a_correction_to_a_suppressed_value_is_refused_and_counted(listed: tuple[Source, str]) -> None:
    with pytest.raises(Refused, match="suppression list"):
        suppression.correct(OFFICER, UUID(int=1), "email", "KIM@X.kr", "person_asked")
    with pytest.raises(Refused, match="no such profile"):
        suppression.correct(OFFICER, UUID(int=1), "email", "lee@x.kr", "person_asked")
    assert suppression.stopped_lately(1) == [Stopped(STEWARD, suppression.AT_CORRECTION, 1)]


def test_an_id_is_suppressed_for_its_brand_or_for_all(shop: tuple[Source, str]) -> None:
    _, other = create_source(OFFICER, "sister", "web", brand="onsae", zone="Asia/Seoul", currency="KRW")
    suppress(OFFICER, "loyalty_id:haru", ["L-1"], "asked")
    suppress(OFFICER, "loyalty_id", ["L-2"], "asked")

    def carries(card: str) -> dict[str, Any]:
        return track(messageId=card, context={"externalIds": [{"type": "loyalty_id", "id": card}]})

    send(shop[1], carries("L-1"), carries("L-2"), carries("L-3"))
    send(other, carries("L-1"), carries("L-2"))
    assert sorted(Event.objects.values_list("source__name", "message_id")) == [("shop", "L-3"), ("sister", "L-1")]


# --- who was erased -----------------------------------------------------------------------------------------------------


def erase(records: list[UUID]) -> None:
    """As an erasure does: first the names are suppressed, then everything goes."""
    suppression.add(OFFICER, suppression.names_of(records), "erased")
    for hook in hooks().values():
        hook.erase(records)


SIGN_UP = {
    "type": "identify", "userId": "u1", "anonymousId": "cookie-1", "messageId": "1",
    "traits": {"name": "김하나", "email": EMAIL, "phone": PHONE},
}  # fmt: skip
COMING_BACK: dict[str, dict[str, Any]] = {
    "the same event": SIGN_UP,
    "her id alone": {"type": "track", "event": "x", "userId": "u1", "messageId": "2"},
    "her address, anew": {"type": "identify", "userId": "u2", "messageId": "3", "traits": {"email": "Kim@X.KR"}},
    "a merge": {"type": "alias", "userId": "u3", "previousId": "u1", "messageId": "4"},
    "her browser": {"type": "page", "anonymousId": "cookie-1", "messageId": "5", "name": "Shoes"},
    "what does not fit": {"type": "nonsense", "userId": "u1", "messageId": "6"},
}


@pytest.mark.django_db(transaction=True)
def test_who_was_erased_does_not_come_back_by_event_import_merge_or_quarantine(
    shop: tuple[Source, str], tmp_path: Path
) -> None:
    send(shop[1], SIGN_UP, {"type": "page", "anonymousId": "cookie-1", "messageId": "0", "name": "Shoes"})
    pipeline.advance()
    records = list(Record.objects.values_list("pk", flat=True))
    assert len(records) == 2
    erase(records)
    send(shop[1], *COMING_BACK.values())
    file = tmp_path / "people.csv"
    file.write_text("external_id,user_id,휴대폰\n77,u8,０１０.１２３４.５６７８\n")
    call_command("import_records", str(file), source="shop")
    pipeline.advance()
    assert not Event.objects.exists() and not Record.objects.exists() and not Quarantined.objects.exists()
    assert not DataKey.objects.exists()
    assert counters()["suppressed"] == len(COMING_BACK) + 1
    newcomer = {"type": "identify", "userId": "u4", "anonymousId": "cookie-1", "traits": {"email": "lee@x.kr"}}
    send(shop[1], newcomer | {"messageId": "7"})
    assert Event.objects.count() == 1, "somebody else at the same device is somebody else"


@pytest.mark.django_db(transaction=True)
def test_what_came_in_just_before_the_list_grew_does_not_become_a_record(shop: tuple[Source, str]) -> None:
    send(shop[1], SIGN_UP, track(userId="u2", messageId="other"))
    suppress(OFFICER, "email", [EMAIL], "erased")
    pipeline.advance()
    assert list(Event.objects.values_list("message_id", flat=True)) == ["other"]
    assert Record.objects.count() == 1 and DataKey.objects.count() == 1
    assert counters()[suppression.AT_THE_FOLD] == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_kept_already_is_left_to_an_erasure(shop: tuple[Source, str]) -> None:
    send(shop[1], SIGN_UP)
    pipeline.advance()
    suppress(OFFICER, "email", [EMAIL], "asked")
    with connection.cursor() as cursor:
        cursor.execute("update core_watermark set txid = 0, row = null")
    pipeline.advance()
    assert Event.objects.count() == 1 and Record.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_kept_already_does_not_leave(shop: tuple[Source, str]) -> None:
    agrees = {"consent": {"categoryPreferences": {"marketing:email": True}}}
    other = {"type": "identify", "userId": "u2", "messageId": "2", "traits": {"email": "lee@x.kr"}}
    send(shop[1], SIGN_UP | {"context": agrees}, other | {"context": agrees})
    pipeline.advance()
    rule = {"trait": "records_count", "op": "gte", "value": 1}
    made = segments.create_segment(OFFICER, key="all", name="All", purpose="marketing", rule=rule, brand="haru")
    segments.publish(OFFICER, made)
    segments.recompute(made.pk)
    suppress(OFFICER, "email", [EMAIL], "asked")
    asked = approval.ask(OFFICER, made, "email", "a letter")
    spent = approval.decide(Actor("user:another"), asked.pk, approve=True).pk
    lines = exports.export(
        made, "marketing", "email", columns=["contact"], actor=OFFICER, personal=True, approval=spent
    )  # fmt: skip
    told = b"".join(lines).decode()
    assert "lee@x.kr" in told and EMAIL not in told
    assert counters()[suppression.AT_EXPORT] == 1


# --- closed when it cannot be read --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_list_that_cannot_be_read_lets_nothing_through(shop: tuple[Source, str]) -> None:
    role = configured.APP_ROLE
    with psycopg.connect(**owner_parameters(), autocommit=True) as owner:
        owner.execute(f'revoke select on consent_suppression from "{role}"')
        try:
            answer = post("/v1/batch", {"batch": [SIGN_UP]}, shop[1])
            refused = post("/v1/batch", {"batch": [{"type": "nonsense", "userId": "u1"}]}, shop[1])
            with pytest.raises(Unavailable):
                suppression.correct(OFFICER, UUID(int=1), "email", EMAIL, "person_asked")
        finally:
            owner.execute(f'grant select on consent_suppression to "{role}"')
    assert [answer.status_code, refused.status_code] == [503, 503] and answer["Retry-After"]
    assert not Event.objects.exists() and not Quarantined.objects.exists() and counters() == {}


def test_a_batch_asks_once(listed: tuple[Source, str]) -> None:
    batch = [track(messageId=f"m{n}", userId=f"u{n}", traits={"email": f"p{n}@x.kr"}) for n in range(60)]
    with CaptureQueriesContext(connection) as captured:
        send(listed[1], *batch)
    assert sum("consent_suppression" in query["sql"] for query in captured) <= 1
    assert Event.objects.count() == 60


# --- the list -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_file_of_values_is_added_once_and_tells_what_it_could_not_use(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes("번호,비고\n010-1234-5678,가\n+82 10 1234 5678,나\n없음,다\n01087654321,라\n".encode("cp949"))
    for added in (2, 0):
        with pytest.raises(CommandError, match=r"1 lines .* first at: 4"):
            call_command("suppress", str(file), kind="phone", column="번호")
        assert f"read: 4, new on the list: {added}" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no such column"):
        call_command("suppress", str(file), kind="phone", column="전화")
    assert Suppression.objects.count() == 2
    written = str(list(AuditEntry.objects.values()))
    assert not any(said in written for said in ("1234-5678", "12345678", "1234 5678", "87654321"))


def test_a_value_is_lifted_by_another_than_who_asked_and_may_come_back(listed: tuple[Source, str]) -> None:
    def back(message: str) -> int:
        send(listed[1], {"type": "identify", "userId": "u1", "messageId": message, "traits": {"email": EMAIL}})
        return Event.objects.count()

    assert suppression.lift(OFFICER, "email", "ＫＩＭ@x.KR", "asked") == "lift_asked" and back("1") == 0
    with pytest.raises(Refused, match="Another person"):
        suppression.lift(OFFICER, "email", "kim@x.kr", "asked")
    assert suppression.lift(OTHER, "email", "kim@x.kr", "asked") == "lifted" and back("2") == 1
    assert suppression.lift(OTHER, "email", "kim@x.kr", "asked") == "not_listed"
    told = (
        AuditEntry.objects.filter(actor__in=(OFFICER.name, OTHER.name)).order_by("at").values_list("action", flat=True)
    )
    assert list(told)[-3:] == ["suppression.lift_asked", "suppression.lifted", "suppression.not_listed"]


def test_whoever_is_suppressed_again_meanwhile_is_not_lifted_on_the_older_word(listed: tuple[Source, str]) -> None:
    suppression.lift(OFFICER, "email", EMAIL, "asked")
    assert suppression.add(OTHER, [("email", EMAIL)], "erased") == 0
    assert suppression.lift(OTHER, "email", EMAIL, "asked") == "lift_asked"
    assert suppression.stopped([("email", EMAIL)])


@pytest.mark.django_db
def test_officers_add_and_lift_values_on_a_page_that_shows_none(listed: tuple[Source, str]) -> None:
    send(listed[1], {"type": "identify", "userId": "u1", "messageId": "1", "traits": {"email": EMAIL}})
    officer, place = signed_in("privacy officer"), "/consent/suppression/"
    said = {"kind": "phone", "brand": "", "values": "", "reason": "list"}
    file = SimpleUploadedFile("list.csv", "010 8765 4321,가\n없음,나\n".encode("cp949"))
    officer.post(f"{place}enter/", {**said, "file": file})
    officer.post(f"{place}enter/", {**said, "kind": "loyalty_id", "brand": "haru", "values": "L-7\nL-8"})
    assert Suppression.objects.count() == 5
    page = officer.get(place).content.decode()
    assert "as it came in" in page and ">shop<" in page and "1 lines hold no value" in page
    assert not [value for value in ("4321", "L-7", EMAIL) if value in page]
    asked = {**said, "values": "+82 10 8765 4321", "reason": "asked"}
    for who, listed_now in ((officer, 5), (officer, 5), (signed_in("privacy officer", "second"), 4)):
        who.post(f"{place}lift/", asked)
        assert Suppression.objects.count() == listed_now
    assert AuditEntry.objects.filter(action__startswith="suppression.", actor__startswith="user:").count() == 6
    marketer = signed_in("marketer")
    refused = [
        marketer.post(f"{place}{way}/", {**said, "values": "010-1111-2222"}).status_code for way in ("enter", "lift")
    ]
    assert refused == [403, 403] and Suppression.objects.count() == 4
