"""Export files over REST: asked for, followed, fetched with their length and digest, and nobody else's."""

import base64
import hashlib
from typing import Any

import pytest

from cdp.core.models import Counter
from segments import approval, export_jobs, exports
from segments.models import ExportJob
from tests.api.people import MARKETING, VALUES, Caller, is_problem
from tests.api.test_exports import OFFICER, ask, tool
from tests.segments.people import says
from tests.segments.test_reading import filled

__all__ = ["tool"]
pytestmark = pytest.mark.django_db
FILES = "/segments/vip/export-files"


def made(caller: Caller, **said: Any) -> str:
    """Where a file that was asked for and made is."""
    answer = caller.post(FILES, {**MARKETING, **said})
    assert answer.status_code == 202, answer.content
    export_jobs.work()
    return str(answer["Location"]).removeprefix("/api/v1")


def test_a_file_is_followed_from_its_202_to_its_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "GATE_CHUNK", 2)
    _segment, ids = filled(5)
    caller = Caller("members:read")
    answer = caller.post(FILES, {**MARKETING, "columns": ["profile_id"], "reason": "the letter of May"})
    place = answer["Location"].removeprefix("/api/v1")
    assert answer.status_code == 202 and answer["Retry-After"] and answer.json()["state"] == "waiting"
    waiting = caller.get(place)
    assert waiting["Retry-After"] and waiting.json()["parts"] == []
    is_problem(caller.get(f"{place}/content"), 409, "export_not_ready")
    export_jobs.work()
    told = caller.get(place).json()
    assert (told["state"], told["percent"], told["count"], told["reason"]) == ("done", 100, 5, "the letter of May")
    assert [part["count"] for part in told["parts"]] == [2, 2, 1] and all(part["at"] for part in told["parts"])
    content = caller.get(f"{place}/content")
    body = b"".join(content)
    assert body.decode().split() == ["profile_id", *map(str, ids)]
    assert int(content["Content-Length"]) == len(body) == told["size"]
    digest = hashlib.sha256(body)
    assert content["ETag"] == f'"{digest.hexdigest()}"' and told["sha256"] == digest.hexdigest()
    assert content["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert content["Content-Disposition"] == 'attachment; filename="vip.csv"' and content["Content-Type"].startswith(
        "text/csv"
    )
    assert Counter.objects.get(kind="export_complete").count == 1


def test_a_withdrawal_changes_what_its_row_says(monkeypatch: pytest.MonkeyPatch) -> None:
    _segment, ids = filled(3)
    caller = Caller("members:read")
    place = made(caller, columns=["profile_id"], format="ndjson")
    before = caller.get(place).json()
    says([ids[1]], "withdrawn")
    body = b"".join(caller.get(f"{place}/content"))
    after = caller.get(place).json()
    assert (after["count"], after["left_out"], after["size"]) == (2, 1, len(body)) and before["count"] == 3
    assert after["sha256"] == hashlib.sha256(body).hexdigest() != before["sha256"]


def test_contact_values_need_what_a_stream_of_them_needs(tool: Caller) -> None:
    columns = {"columns": ["profile_id", "contact"], **MARKETING}
    is_problem(Caller("members:read").post(FILES, columns), 403, "scope_missing")
    is_problem(tool.post(FILES, columns), 403, "not_approved")
    asked = ask(tool)
    approval.decide(OFFICER, asked, approve=True)
    place = made(tool, approval=asked, **columns)
    assert VALUES["email"].encode() in b"".join(tool.get(f"{place}/content"))
    is_problem(tool.post(FILES, columns | {"approval": asked}), 403, "not_approved")


def test_a_file_is_of_the_key_that_asked_for_it_alone() -> None:
    filled(2)
    mine, other = Caller("members:read"), Caller("members:read")
    place = made(mine, columns=["profile_id"])
    for address in (place, f"{place}/content"):
        is_problem(other.get(address), 404, "not_found")
    is_problem(other.client.delete(f"/api/v1{place}"), 404, "not_found")
    assert other.get(FILES).json()["results"] == []
    assert [row["id"] for row in mine.get(FILES).json()["results"]] == [place.rsplit("/", 1)[1]]


def test_files_are_told_page_by_page() -> None:
    filled(1)
    caller = Caller("members:read")
    places = [made(caller, columns=["profile_id"]) for _ in range(3)]
    first = caller.get(FILES, limit=2).json()
    second = caller.get(first["next"]).json()
    told = [row["id"] for page in (first, second) for row in page["results"]]
    assert told == [place.rsplit("/", 1)[1] for place in reversed(places)] and second["next"] is None


def test_a_bound_key_has_files_of_what_it_is_bound_to() -> None:
    filled(2)
    bound = Caller("members:read", purpose="marketing", contact_channel="email")
    assert bound.post(FILES, {"columns": ["profile_id"]}).json()["purpose"] == "marketing"
    is_problem(bound.post(FILES, MARKETING | {"channel": "sms"}), 403, "channel_bound")
    is_problem(Caller("members:read").post(FILES, {}), 400, "audience_missing")


def test_what_cannot_be_made_is_refused_when_it_is_asked_for() -> None:
    filled(1)
    caller = Caller("members:read")
    is_problem(caller.post(FILES, MARKETING | {"columns": ["shoe_size"]}), 400, "column_unknown")
    is_problem(
        caller.post(FILES, MARKETING | {"columns": ["profile_id"], "once_per_address": True}), 400, "once_per_address"
    )
    is_problem(caller.post(FILES, MARKETING | {"format": "xls"}), 400, "invalid")
    is_problem(caller.post("/segments/none/export-files", MARKETING), 404, "not_found")
    assert not ExportJob.objects.exists()


def test_a_file_is_destroyed_on_request_and_gone_is_said() -> None:
    filled(2)
    caller = Caller("members:read")
    place = made(caller, columns=["profile_id"])
    for _ in range(2):
        assert caller.client.delete(f"/api/v1{place}").status_code == 204
    told = caller.get(place).json()
    assert (told["state"], told["why_gone"], told["parts"]) == ("gone", "deleted", [])
    is_problem(caller.get(f"{place}/content"), 410, "export_gone")
