"""Importing a file in the console: from the file to its rows, by controls alone, with nothing personal on the way."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cdp.console import uploads as controls
from cdp.events.models import Event, Source
from cdp.ingestion import uploads
from cdp.ingestion.models import Upload
from tests.console.conftest import account

pytestmark = pytest.mark.django_db
PEOPLE = "회원번호,누구,휴대폰,이메일,등급\nC1,김민준,010-5555-0001,minjun@x.kr,gold\n,이서연,010-5555-0002,,silver\n"
HIDDEN = ("김민준", "5555", "minjun")


@pytest.fixture
def steward(world: dict[str, Any]) -> Client:
    Upload.objects.all().delete()
    Event.objects.all().delete()
    client = Client()
    client.force_login(account("steward"))
    return client


def send(client: Client, content: bytes, name: str = "people.csv", holds: str = "records") -> Any:
    source = Source.objects.filter(built_in=False).order_by("name")[0]
    file = SimpleUploadedFile(name, content)
    return client.post("/ingestion/upload/add/", {"source": str(source.pk), "holds": holds, "file": file})


def chosen(page: str) -> dict[str, str]:
    """Column → what is chosen of its control."""
    controls = re.findall(r'<label for="(c\d+)">([^<]+)</label> <select[^>]*>(.*?)</select>', page)
    return {name: re.findall(r'value="([^"]*)" selected', options)[0] for _, name, options in controls}


def test_a_person_gives_a_file_mends_its_columns_and_imports_it(steward: Client) -> None:
    place = send(steward, PEOPLE.encode("cp949"))["location"]
    page = steward.get(place).content.decode()
    assert chosen(page) == {"회원번호": "external_id", "누구": "", "휴대폰": "phone", "이메일": "email", "등급": ""}
    assert (
        not [value for value in HIDDEN[1:] if value in page] and "010-****-0001" in page and 'class="chip bad"' in page
    )
    said = {"c0": "external_id", "c1": "full_name", "c2": "phone", "c3": "email", "c4": "=clear", "zone": "Asia/Seoul"}
    assert steward.post(place.replace("change", "say"), said | {"what": "preview"})["location"] == place
    page = steward.get(place).content.decode()
    assert chosen(page)["누구"] == "full_name" and not [value for value in HIDDEN if value in page]
    steward.post(place.replace("change", "say"), said | {"what": "start"})
    assert (
        'data-address="' in steward.get(place).content.decode()
        and steward.get(place.replace("change", "work")).status_code == 200
    )
    uploads.work()
    assert steward.get(place.replace("change", "work")).status_code == 204
    page = steward.get(place).content.decode()
    assert "taken: 1" in page and "quarantined: 1" in page and Event.objects.get().properties == {"등급": "gold"}
    assert not [value for value in HIDDEN if value in page]


def test_events_need_a_time_and_say_so_until_one_is_chosen(steward: Client) -> None:
    place = send(steward, "번호,언제였나,금액\nC1,2026-03-04,500\n".encode(), holds="events")["location"]
    assert "time" in steward.get(place).content.decode()
    said = {"c0": "customer", "c1": "time", "c2": "money", "event": "Order Completed", "zone": ""}
    steward.post(place.replace("change", "say"), said | {"what": "start"})
    uploads.work()
    assert (Event.objects.get().name, Event.objects.get().revenue) == ("Order Completed", 500)


def test_a_mapping_by_hand_survives_the_controls(steward: Client) -> None:
    place = send(steward, "번호,성,명,광고\nC1,김,민준,예\n".encode())["location"]
    by_hand = (
        '{"columns": {"번호": "external_id"}, "join": {"full_name": ["성", "명"]},'
        ' "consents": {"광고": {"purpose": "marketing", "yes": ["예"], "no": ["아니오"]}}}'
    )
    steward.post(place.replace("change", "say"), {"what": "json", "mapping": by_hand})
    page = steward.get(place).content.decode()
    assert chosen(page)["성"] == chosen(page)["광고"] == "=json" and "김**" in page
    said = {"c0": "external_id", "c1": "=json", "c2": "=json", "c3": "=json", "what": "preview"}
    steward.post(place.replace("change", "say"), said)
    assert "김**" in steward.get(place).content.decode()
    for wrong in ("[1]", '{"columns": 5}', "{", '{"none": 1}'):
        answer = steward.post(place.replace("change", "say"), {"what": "json", "mapping": wrong}, follow=True)
        assert answer.status_code == 200 and "김**" in answer.content.decode()


def test_what_only_a_mapping_says_of_events_survives_the_controls() -> None:
    by_hand = {
        "event": {"constant": "Order Completed"}, "time": "t", "customer": {"column": "c", "kind": "user"}, "money": "m",
        "currency": {"constant": "USD"}, "identifiers": {"wechat": "w", "phone": "p"}, "properties": {"x": "size"},
        "refund": {"when_negative": True}, "sealed": ["note"],
    }  # fmt: skip
    upload, draft = Upload(holds="events"), uploads.Draft(["t", "c", "m", "w", "p", "x", "s", "note"], by_hand)
    posted = {one.field: key for one in controls.choices(upload, draft) for key, _word, now in one.options if now}
    posted |= {"event": "Order Completed"}
    assert controls.changed(upload, draft, posted) == by_hand
    assert controls.changed(upload, draft, posted | {"c0": controls.LEAVE, "c5": "currency"}) == {
        **{name: said for name, said in by_hand.items() if name != "time"}, "properties": {}, "currency": {"column": "x"},
    }  # fmt: skip


def test_columns_beyond_those_that_have_controls_stay_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "MOST_COLUMNS", 1)
    by_hand = {"columns": {"a": "external_id", "b": "email"}, "sealed": ["c"], "clear": ["d"]}
    found = controls.changed(Upload(holds="records"), uploads.Draft(list("abcd"), by_hand), {"c0": "external_id"})
    assert found == by_hand


def test_two_columns_of_one_meaning_and_a_bad_file_are_told(steward: Client) -> None:
    place = send(steward, PEOPLE.encode())["location"]
    answer = steward.post(place.replace("change", "say"), {"c0": "email", "c1": "email", "what": "start"}, follow=True)
    assert "Two columns cannot mean the same" in answer.content.decode()
    answer = send(steward, b"kim@x.kr,010-1234-5678\n1,2\n")
    assert "no names of columns" in steward.get(answer["location"]).content.decode()
    assert Upload.objects.count() == 1
    large = b"a,b\n" + b"1,2\n" * (uploads.MOST_BYTES // 4)
    assert send(steward, large).status_code == 200 and Upload.objects.count() == 1


def test_rows_are_paged_and_a_file_can_be_thrown_away(steward: Client) -> None:
    rows = "".join(f"C{number},김민준\n" for number in range(25))
    place = send(steward, ("번호,이름\n" + rows).encode())["location"]
    page = steward.get(place, {"from": "20"}).content.decode()
    assert page.count('<ul class="said">') == 5 and "?from=10" in page and "Next rows" not in page
    assert steward.get(place, {"from": "-1"}).status_code == steward.get(place, {"from": "9" * 30}).status_code == 200
    steward.post(place.replace("change", "say"), {"what": "discard"})
    assert steward.get(place).status_code in (302, 404) and not Upload.objects.exists()


def test_a_marketer_gives_no_file_and_an_auditor_only_looks(steward: Client) -> None:
    place = send(steward, PEOPLE.encode())["location"]
    for role, sees in (("marketer", 403), ("auditor", 200)):
        client = Client()
        client.force_login(account(role))
        assert send(client, PEOPLE.encode()).status_code == 403
        assert client.get(place).status_code == sees
        assert client.post(place.replace("change", "say"), {"what": "start"}).status_code == 403
    assert "Start the import" not in client.get(place).content.decode()
    assert Upload.objects.get().started_at is None
