"""Files: every encoding and form, bad rows kept apart with their place, a second run that changes nothing."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from cdp.core import crypto
from cdp.core.types import Actor
from cdp.events.models import Event, Quarantined, Source
from cdp.ingestion import imports
from cdp.ingestion.management.commands.load_reference import REASONS
from consent.actions import suppress
from consent.models import ConsentRecord
from tests.ingestion.wire import counters, reasons, refused_content, sealed

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
PEOPLE = "external_id,full_name,휴대폰,email,birth_date,tier,points,memo,updated_at\n"
KIM = "C1,김철수,010-1234-5678,kim@shop.kr,1990-07-19,gold,0120,단골 고객,2026-03-04 09:00\n"
TILL = {
    "event": {"constant": "Order Completed"}, "time": "at", "customer": {"column": "member_no"}, "receipt": "receipt_no",
    "order": "receipt_no", "place": "store", "money": "total", "refund": {"when_negative": True},
    "properties": {"cat": "category", "name": "item"}, "sealed": ["cashier"], "identifiers": {"phone": "caller"},
}  # fmt: skip
INGESTION = Path(imports.__file__).parent
TILL_HEADER = "at,member_no,receipt_no,store,total,cat,name,cashier,caller\n"


def write(folder: Path, text: str | bytes, name: str = "data.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def records(folder: Path, text: str | bytes, mapping: Any = None, name: str = "data.csv") -> str:
    out = StringIO()
    options = {"mapping": write(folder, json.dumps(mapping), "mapping.json")} if mapping else {}
    call_command("import_records", write(folder, text, name), source="shop", stdout=out, **options)
    return out.getvalue()


def events(folder: Path, text: str | bytes, mapping: Any = None, name: str = "data.csv") -> str:
    out = StringIO()
    mapped = write(folder, json.dumps(mapping or TILL), "mapping.json")
    call_command("import_events", write(folder, text, name), source="shop", mapping=mapped, stdout=out)
    return out.getvalue()


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_people_in_every_encoding(shop: Shop, tmp_path: Path, encoding: str, delimiter: str) -> None:
    assert "taken: 1" in records(tmp_path, (PEOPLE + KIM).replace(",", delimiter).encode(encoding))
    event = Event.objects.get()
    assert (event.type, event.name, event.kind) == ("row", "Record Imported", "customer")
    assert event.record == crypto.record_id(shop[0].id, "customer", "C1")
    assert event.occurred_at == datetime(2026, 3, 4, 0, 0, tzinfo=UTC)
    assert event.properties == {"tier": "gold", "points": "0120"}
    attributes = {"full_name": "김철수", "phone": "010-1234-5678", "email": "kim@shop.kr", "birth_date": "1990-07-19"}
    assert sealed(event) == {"external_id": "C1", "attributes": attributes, "traits": {"memo": "단골 고객"}}


def test_importing_again_doubles_nothing_and_new_rows_come_in(shop: Shop, tmp_path: Path) -> None:
    records(tmp_path, PEOPLE + KIM)
    later = KIM.replace("gold", "silver")
    assert "rows: 3, taken: 1, repeated: 2" in records(tmp_path, PEOPLE + KIM + later + KIM)


def test_the_order_of_columns_is_no_matter(shop: Shop, tmp_path: Path) -> None:
    records(tmp_path, "external_id,tier\nC1,gold\n")
    assert "repeated: 1" in records(tmp_path, "tier,external_id\ngold,C1\n")


def test_a_mapping_renames_seals_and_clears(shop: Shop, tmp_path: Path) -> None:
    mapping = {
        "columns": {"고객번호": "external_id", "성함": "full_name"},
        "sealed": ["tier"],
        "clear": ["slogan"],
        "zone": "UTC",
    }
    records(tmp_path, "고객번호,성함,tier,slogan,updated_at\nC1,김철수,gold,one two three four,2026-03-04\n", mapping)
    event = Event.objects.get()
    assert event.properties == {"slogan": "one two three four"}
    assert sealed(event)["traits"] == {"tier": "gold"} and event.occurred_at == datetime(2026, 3, 4, tzinfo=UTC)


JOINED = {"columns": {"rec": "external_id"}, "join": {"address": ["number", "street"], "full_name": ["last", "first"]}}


@pytest.mark.parametrize("name", ["data.csv", "data.ndjson", "data.parquet"])
def test_several_columns_make_one(shop: Shop, tmp_path: Path, name: str) -> None:
    row = {"rec": "7", "number": 12, "street": "Elm Street ", "first": "Ann", "last": None}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "written.parquet")
    lines = ",".join(row) + "\n" + ",".join(str(cell or "") for cell in row.values()) + "\n"
    as_written = {"data.csv": lines.encode(), "data.ndjson": json.dumps(row).encode()}
    records(tmp_path, as_written.get(name) or (tmp_path / "written.parquet").read_bytes(), JOINED, name)
    assert sealed(Event.objects.get())["attributes"] == {"address": "12 Elm Street", "full_name": "Ann"}


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (JOINED | {"join": {"address": ["number", "nowhere"]}}, "no column: nowhere"),
        (JOINED | {"sealed": ["number"]}, "nowhere else"),
        (JOINED | {"join": {"address": ["street"], "city": ["street"]}}, "nowhere else"),
        (JOINED | {"join": {"external_id": ["number"]}}, "by nothing else"),
        (JOINED | {"join": {"address": []}}, "at least one column"),
        (JOINED | {"join": {"tier": ["number", "street"]}}, "More than one column makes: tier"),
        ({"columns": {"rec": "external_id", "first": "given_name", "last": "given_name"}}, "makes: given_name"),
        ({"columns": {"rec": "tier"}}, "makes: tier"),
    ],
)
def test_columns_that_cannot_be_joined(shop: Shop, tmp_path: Path, mapping: Any, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        records(tmp_path, "rec,number,street,first,last,tier\n", mapping)
    assert not Event.objects.exists()


def test_lines_whose_columns_cannot_be_joined_are_kept_apart(shop: Shop, tmp_path: Path) -> None:
    parts = [{"number": 12.0}, {"number": ["12"]}, {"number": True}, {"address": "Elm Street 12"}]
    rows = [{"rec": n, "street": "Elm Street"} | part for n, part in enumerate(parts)]
    assert "taken: 1," in records(tmp_path, "\n".join(map(json.dumps, rows)), JOINED, "r.ndjson")
    assert sealed(Event.objects.get())["attributes"] == {"address": "12 Elm Street"}
    assert reasons() == ["bad_row"] * 3


@pytest.mark.parametrize("key", [0, "0", 0.0, "00", "0007", 111111, "1111111"])
def test_every_whole_number_is_the_key_of_a_row(shop: Shop, tmp_path: Path, key: Any) -> None:
    assert "taken: 1" in records(tmp_path, json.dumps({"external_id": key}), name="r.ndjson")
    expected = str(int(key)) if type(key) is float else str(key)
    assert Event.objects.get().record == crypto.record_id(shop[0].id, "customer", expected)
    assert sealed(Event.objects.get())["external_id"] == expected


def test_rows_may_be_counted_from_nought(shop: Shop, tmp_path: Path) -> None:
    assert "taken: 3" in records(tmp_path, "external_id,tier\n0,a\n1,b\n2,c\n")


def test_words_that_mean_nothing_are_no_keys_nor_ids(shop: Shop, tmp_path: Path) -> None:
    nobody = ["null", "None", "N/A", "-", "unknown", "-1", "undefined", "?", ""]
    rows = "".join(f"{word},\n" for word in nobody) + ",0\n"
    assert f"quarantined: {len(nobody) + 1}" in records(tmp_path, "external_id,user_id\n" + rows)
    assert set(reasons()) == {"no_identity"}


def test_identifiers_of_a_row(shop: Shop, tmp_path: Path) -> None:
    records(tmp_path, "external_id,user_id,loyalty_id\nC1,u1,L1\n,u2,\n")
    first, second = Event.objects.order_by("kind")
    assert (first.kind, sealed(first)["identifiers"]) == ("customer", {"user_id": ["u1"], "loyalty_id": ["L1"]})
    assert (second.kind, sealed(second)["external_id"]) == ("user", "u2")


@pytest.mark.parametrize("mapping", [None, {"columns": {"no": "member"}}, {"join": {"full_name": ["no"]}}])
def test_a_file_without_a_key_is_refused_and_none_of_it_told(shop: Shop, tmp_path: Path, mapping: Any) -> None:
    with pytest.raises(CommandError, match="external_id") as refused:
        records(tmp_path, "no,email\nC1,kim@shop.kr\n", mapping)
    assert "email" not in str(refused.value)
    assert not Quarantined.objects.exists() and not Event.objects.exists()


@pytest.mark.parametrize("mapping", [{"columns": {"no": "user_id"}}, {"join": {"external_id": ["no"]}}])
def test_a_mapped_column_is_a_key(shop: Shop, tmp_path: Path, mapping: Any) -> None:
    assert "taken: 1" in records(tmp_path, "no,email\nC1,kim@shop.kr\n", mapping)


def test_each_reason_of_refusing_has_words(shop: Shop, tmp_path: Path) -> None:
    code = "".join(path.read_text() for path in INGESTION.rglob("*.py"))
    assert set(re.findall(r'Flaw\("(\w+)"\)', code)) | {"unexpected"} <= REASONS.keys()
    said = records(tmp_path, "external_id,updated_at\n,2026-03-04\n")
    assert "  no_identity: 1. Nobody is named: an event needs" in said
    assert str(Quarantined.objects.get()).startswith("Nobody is named")


def test_bad_rows_go_to_quarantine_with_their_place_and_stop_nothing(shop: Shop, tmp_path: Path) -> None:
    rows = [
        "C1,ok,2026-03-04", "C2", "C3,a,b,c,d", ",nobody,2026-03-04", "C5,late,someday", "C6,900101-1234568,2026-03-04",
        "C7,nul\0,2026-03-04", "C8,fine,2026-03-04",
    ]  # fmt: skip
    report = records(tmp_path, "external_id,note_x,updated_at\n" + "\n".join(rows) + "\n")
    assert "rows: 8, taken: 2, repeated: 0, quarantined: 6" in report and "  bad_row: 2" in report
    places = dict(Quarantined.objects.values_list("place", "reason"))
    assert places == {
        "data.csv:3": "bad_row", "data.csv:4": "bad_row", "data.csv:5": "no_identity", "data.csv:6": "bad_time",
        "data.csv:7": "resident_number", "data.csv:8": "nul",
    }  # fmt: skip
    assert refused_content(Quarantined.objects.get(reason="bad_time")) == {
        "external_id": "C5",
        "note_x": "late",
        "updated_at": "someday",
    }
    assert "repeated: 8" in records(tmp_path, "external_id,note_x,updated_at\n" + "\n".join(rows) + "\n")


def test_a_quote_that_is_never_closed_costs_its_line_only(shop: Shop, tmp_path: Path) -> None:
    rows = [f"C{number},gold" for number in range(1, 301)]
    text = "\n".join(
        ["external_id,tier", 'C0,"Un closed', *rows[:150], 'C999,"two\nlines, one ""row"""', *rows[150:], '"open']
    )
    assert "rows: 303, taken: 301, repeated: 0, quarantined: 2" in records(tmp_path, text)
    assert Event.objects.get(record=crypto.record_id(shop[0].id, "customer", "C999"))


def test_one_bad_byte_does_not_make_a_file_another_encoding(shop: Shop, tmp_path: Path) -> None:
    rows = "".join(f"C{number},금색{number}\n" for number in range(50)).encode()
    assert "taken: 50, repeated: 0, quarantined: 1" in records(
        tmp_path, b"external_id,tier\n" + rows + b"C99,g\xffld\n"
    )


@pytest.mark.parametrize("column", ["consent:marketng:email", "consent:marketing:pigeon", "consent:"])
def test_a_consent_to_nothing_that_exists_is_refused(shop: Shop, tmp_path: Path, column: str) -> None:
    with pytest.raises(CommandError, match="purpose or contact channel"):
        records(tmp_path, f"external_id,{column}\nC1,withdrawn\n")
    assert "quarantined: 1" in records(
        tmp_path, json.dumps({"external_id": "C1", column: "withdrawn"}), name="d.ndjson"
    )


def test_bytes_of_no_encoding_cost_their_row_only(shop: Shop, tmp_path: Path) -> None:
    records(tmp_path, "external_id,tier\nC1,골드\n".encode("cp949") + b"C2,\xff\xff\nC3,x\n")
    assert (Event.objects.count(), reasons()) == (2, ["bad_text"])


def test_ndjson_may_hold_anything(shop: Shop, tmp_path: Path) -> None:
    strange = [{}, [], {"a": 1}, [1], True, 1e9, "x" * 400, -1]
    rows = [{"external_id": f"C{n}", field: value} for n, value in enumerate(strange) for field in (
        "external_id", "full_name", "email", "updated_at", "consent_at", "consent:marketing:email", "extra", "이름",
    )]  # fmt: skip
    records(tmp_path, "\n".join(map(json.dumps, rows)), name="r.ndjson")
    fields = (*TILL_HEADER.strip().split(","), "x")
    sold = [
        {"at": "2026-03-04", "member_no": "M", "total": 1} | {field: value} for value in strange for field in fields
    ]
    events(tmp_path, "\n".join(map(json.dumps, sold)), name="e.ndjson")
    assert "unexpected" not in reasons()
    seen = counters()
    assert (
        seen.pop("received")
        == len(rows) + len(sold)
        == sum(n for kind, n in seen.items() if not kind.startswith("consent_"))
    )


@pytest.mark.parametrize("name", ["data.parquet", "data.ndjson"])
def test_parquet_and_ndjson(shop: Shop, tmp_path: Path, name: str) -> None:
    rows = [{"external_id": "1", "points": 5, "tier": "gold"}, {"external_id": "2", "points": None, "tier": "silver"}]
    if name == "data.parquet":
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
        text = (tmp_path / name).read_bytes()
    else:
        text = "\n".join(json.dumps(row) for row in rows) + '\n{"external_id":"3","points":NaN}\n[1]\n{"bro'
    report = records(tmp_path, text, name=name)
    assert "taken: 2" in report
    assert sorted(Event.objects.values_list("properties__points", flat=True), key=str) == [5, None]
    assert reasons() == ([] if name == "data.parquet" else ["bad_json", "not_an_object", "number_range"])


def test_parquet_types(shop: Shop, tmp_path: Path) -> None:
    row = {
        "external_id": 7,
        "money": Decimal("12.50"),
        "day": datetime.fromisoformat("2026-03-04").date(),
        "at": datetime.fromisoformat("2026-03-04T12:00:00"),
    }
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "t.parquet")
    records(tmp_path, (tmp_path / "t.parquet").read_bytes(), name="t.parquet")
    assert Event.objects.get().properties == {"money": 12.5, "day": "2026-03-04", "at": "2026-03-04T12:00:00"}


def test_consent_columns(shop: Shop, tmp_path: Path) -> None:
    text = "external_id,consent:marketing:email,consent:marketing:sms,consent_at\n"
    text += "C1,granted,withdrawn,2026-03-04 09:00\nC2,,refused,2026-03-04\nC3,granted,,\nC4,yes,,2026-03-04\n"
    report = records(tmp_path, text)
    assert "taken: 3" in report and "1 consents name no time" in report
    assert reasons() == ["bad_consent"]
    lines = sorted(ConsentRecord.objects.values_list("channel_id", "state", "method"))
    assert lines == [("email", "granted", "import"), ("sms", "refused", "import"), ("sms", "withdrawn", "import")]
    assert ConsentRecord.objects.get(state="granted").given_at == datetime(2026, 3, 4, 0, 0, tzinfo=UTC)
    records(tmp_path, text)
    assert ConsentRecord.objects.count() == 3


def test_an_erased_person_is_not_imported(shop: Shop, tmp_path: Path) -> None:
    suppress(Actor.system("test"), "phone", ["+82 10 1234 5678"], "erasure")
    assert "suppressed: 1" in records(tmp_path, PEOPLE + KIM)
    assert not Event.objects.exists() and counters()["suppressed"] == 1


# --- events -----------------------------------------------------------------------------------------------------------


def test_rows_become_events(shop: Shop, tmp_path: Path) -> None:
    row = '2026.3.4 18:30,M1,R1,S7,"12,500원",shoes,Long name of a running shoe,박점원,\n'
    events(tmp_path, TILL_HEADER + row)
    event = Event.objects.get()
    assert (event.type, event.name, event.kind, event.order_id, event.place) == (
        "track",
        "Order Completed",
        "customer",
        "R1",
        "S7",
    )
    assert (event.revenue, event.currency, event.brand) == (12500, "KRW", "haru")
    assert event.occurred_at == datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
    assert event.properties == {"category": "shoes", "item": "Long name of a running shoe"}
    assert sealed(event)["properties"] == {"cashier": "박점원"} and sealed(event)["external_id"] == "M1"


def test_whose_a_row_is(shop: Shop, tmp_path: Path) -> None:
    rows = ["M1,R1,,1", ",R2,,2", ",,010-1234-5678,3", ",,,4", "null,R2,,5"]
    text = TILL_HEADER + "".join(
        f"2026-03-04,{m},{r},S,{n},c,n,x,{phone}\n" for m, r, phone, n in (row.split(",") for row in rows)
    )
    events(tmp_path, text)
    found = {event.revenue: event for event in Event.objects.all()}
    receipt = crypto.record_id(shop[0].id, "receipt", "R2")
    assert (found[1].kind, found[2].kind, found[3].kind) == ("customer", "receipt", "receipt")
    assert found[2].record == found[5].record == receipt
    assert sealed(found[3])["identifiers"] == {"phone": ["010-1234-5678"]}
    assert reasons() == ["no_identity"]


def test_negative_amounts_are_refunds_and_bad_ones_are_kept_apart(shop: Shop, tmp_path: Path) -> None:
    events(
        tmp_path,
        TILL_HEADER
        + "".join(f"2026-03-04,M1,R{n},S,{total},c,n,x,\n" for n, total in enumerate(["-300", "free", "5"])),
    )
    assert set(Event.objects.values_list("name", "revenue")) == {("Order Refunded", 300), ("Order Completed", 5)}
    assert reasons() == ["bad_money"]


def test_quantity_times_price_is_exact(shop: Shop, tmp_path: Path) -> None:
    mapping = {
        "event": {"constant": "Sold"},
        "time": "t",
        "customer": {"column": "c"},
        "quantity": "q",
        "price": "p",
        "currency": "USD",
    }
    events(tmp_path, "t,c,q,p\n2026-03-04,C1,3,0.1\n2026-03-04,C1,-2,1.115\n", mapping)
    assert sorted(Event.objects.values_list("revenue", flat=True)) == [-223, 30]


def test_equal_lines_are_lines_of_their_own_and_stay_so(shop: Shop, tmp_path: Path) -> None:
    line = "2026-03-04,M1,R1,S,5,c,n,x,\n"
    assert "taken: 3" in events(tmp_path, TILL_HEADER + line * 3)
    assert "taken: 1, repeated: 3" in events(tmp_path, TILL_HEADER + line * 4)


def test_a_message_id_column(shop: Shop, tmp_path: Path) -> None:
    mapping = TILL | {"message_id": "receipt_no"}
    text = TILL_HEADER + "2026-03-04,M1,R1,S,5,c,n,x,\n2026-03-04,M1,R1,S,6,c,n,x,\n2026-03-04,M1,R2,S,6,c,n,x,\n"
    for _ in range(2):
        events(tmp_path, text, mapping)
    assert sorted(Event.objects.values_list("message_id", flat=True)) == ["R1", "R1#2", "R2"]


def test_a_file_in_many_commits_is_taken_up_where_it_broke_off(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "ROWS_A_COMMIT", 10)
    text = TILL_HEADER + "".join(f"2026-03-04,M{n % 3},R{n},S,{n},c,n,x,\n" for n in range(25))
    with monkeypatch.context() as broken:
        broken.setattr(imports.actions, "keep", break_at(2, imports.actions.keep))
        with pytest.raises(KeyboardInterrupt):
            events(tmp_path, text)
    assert Event.objects.count() == 10
    assert "taken: 15, repeated: 10" in events(tmp_path, text)


def break_at(call: int, real: Any) -> Any:
    calls = []

    def keep(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == call:
            raise KeyboardInterrupt
        return real(*args)

    return keep


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"event": {}, "time": "at"}, "constant or a column"),
        ({"event": {"constant": "x"}, "time": "nowhere"}, "no column: nowhere"),
        ({"event": {"constant": "x"}, "time": "at", "typo": 1}, "unknown field `typo`"),
        ({"event": {"constant": "x"}, "time": "at", "zone": "Mars"}, "time zone"),
        ({"event": {"constant": "x"}, "time": "at", "price": "total"}, "go together"),
    ],
)
def test_a_mapping_that_cannot_be_meant(shop: Shop, tmp_path: Path, mapping: Any, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        events(tmp_path, TILL_HEADER, mapping)


@pytest.mark.parametrize(("source", "file"), [("nobody", "data.csv"), ("shop", "missing.csv"), ("shop", "empty.csv")])
def test_what_is_not_there_is_said(shop: Shop, tmp_path: Path, source: str, file: str) -> None:
    write(tmp_path, PEOPLE)
    write(tmp_path, "", "empty.csv")
    with pytest.raises(CommandError):
        call_command("import_records", tmp_path / file, source=source, stdout=StringIO())
