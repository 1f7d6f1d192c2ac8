"""What arrives at the door says something of consent: signals, categories, strings; and what a source may not collect."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdp import pipeline
from cdp.core import crypto
from cdp.events.models import Event, Source
from cdp.ingestion import sources
from consent.models import Category, ConsentRecord
from tests.consent.test_tcf import DISCLOSING, WITHOUT, core, disclosed
from tests.ingestion.wire import counters, post, reasons, send, track

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
LINE = ("purpose_id", "channel_id", "state", "method")


def lines() -> list[tuple[Any, ...]]:
    return sorted(ConsentRecord.objects.values_list(*LINE), key=str)


def saying(consent: Any, **more: Any) -> dict[str, Any]:
    return track(context={"consent": consent}, **more)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/beacon/v1/batch"])
def test_rule_10_a_request_with_the_signal_objects_to_sale_and_sharing_once_a_record(shop: Shop, path: str) -> None:
    for message in ("m1", "m2"):
        body = track(messageId=message)
        post(path, body if path == "/v1/track" else {"batch": [body]}, shop[1], **{"Sec-GPC": "1"})
    assert lines() == [("sale_sharing", None, "withdrawn", "gpc")]
    assert Event.objects.count() == 2


@pytest.mark.parametrize("value", ["0", "true", ""])
def test_any_other_value_of_the_header_says_nothing(shop: Shop, value: str) -> None:
    post("/v1/track", track(), shop[1], **{"Sec-GPC": value})
    assert lines() == []


def test_a_category_means_the_purposes_that_were_described(shop: Shop) -> None:
    Category.objects.create(name="Advertising", purpose_id="advertising")
    Category.objects.create(name="Advertising", purpose_id="marketing", channel_id="ad_audience")
    Category.objects.create(source=shop[0], name="C0002", purpose_id="analytics")
    sources.forget()
    send(shop[1], saying({"categoryPreferences": {"Advertising": True, "C0002": False, "marketing:email": True}}))
    assert lines() == [
        ("advertising", None, "granted", "sdk"),
        ("analytics", None, "withdrawn", "sdk"),
        ("marketing", "ad_audience", "granted", "sdk"),
        ("marketing", "email", "granted", "sdk"),
    ]


def test_an_update_of_preferences_that_names_none_is_put_aside(shop: Shop) -> None:
    named = {"event": "Segment Consent Preference Updated"}
    send(shop[1], track(**named), saying({"other": 1}, messageId="m2", **named))
    send(shop[1], saying({"categoryPreferences": {"analytics": True}}, messageId="m3", **named))
    assert reasons() == ["no_preferences"] * 2
    assert lines() == [("analytics", None, "granted", "sdk")]


def test_rule_11_a_v2_3_string_ends_in_the_ledger_with_itself_as_proof(shop: Shop) -> None:
    text = core({1, 2, 3, 4}, {5}, True) + "." + disclosed({5, 6})
    for message in ("m1", "m2"):
        send(shop[1], saying({"tcString": text}, messageId=message))
    assert lines() == [("advertising", None, "granted", "tcf")]
    kept = ConsentRecord.objects.get()
    key = crypto.existing_data_keys([Event.objects.earliest("id").record]).popitem()[1]
    assert crypto.unseal(key, "consent_consentrecord", "proof", kept.proof) == {"tcString": text}


def test_a_string_that_consents_to_less_than_a_purpose_needs_withdraws_it(shop: Shop) -> None:
    send(shop[1], saying({"tcString": core({1, 2, 3}, {5}, True) + "." + disclosed({5})}))
    assert lines() == [("advertising", None, "withdrawn", "tcf")]


def test_rule_11_a_string_without_disclosed_vendors_is_counted_as_refused_with_its_reason(shop: Shop) -> None:
    send(shop[1], saying({"tcString": WITHOUT}), saying({"tcString": 7}, messageId="m2"))
    send(shop[1], saying({"tcString": DISCLOSING}, messageId="m3"))
    assert Event.objects.count() == 3
    refused = {kind: number for kind, number in counters().items() if kind.startswith("consent_tcf")}
    assert refused == {"consent_tcf_no_disclosed_vendors": 1, "consent_tcf_unreadable": 1}
    assert [line[:3] for line in lines()] == [("advertising", None, "withdrawn")]


# --- what a source may not collect ----------------------------------------------------------------------------------------


@pytest.fixture
def careful(shop: Shop) -> Shop:
    Source.objects.filter(pk=shop[0].pk).update(required_purpose="personalisation")
    sources.forget()
    return shop


def test_a_source_collects_only_of_records_that_allow_its_purpose_and_counts_the_others(careful: Shop) -> None:
    yes = {"categoryPreferences": {"personalisation": True}}
    answer = send(
        careful[1], saying(yes, messageId="1", userId="a"), track(messageId="2", userId="a"),
        track(messageId="3", userId="b"), track(messageId="4", userId="c", event=""),
    )  # fmt: skip
    assert answer.status_code == 200
    assert sorted(Event.objects.values_list("message_id", flat=True)) == ["1", "2"]
    seen = counters()
    assert (seen["received"], seen["taken"], seen["unconsented"], seen["quarantined:no_event_name"]) == (4, 2, 1, 1)


def test_a_withdrawal_in_the_same_request_stops_collection_at_once_and_is_itself_recorded(careful: Shop) -> None:
    send(careful[1], saying({"categoryPreferences": {"personalisation": True}}, messageId="1"))
    no = {"categoryPreferences": {"personalisation": False}}
    later = {"timestamp": "2026-03-05T05:06:07.000Z"}
    send(careful[1], saying(no, messageId="2", **later), track(messageId="3", **later))
    assert list(Event.objects.values_list("message_id", flat=True)) == ["1"]
    assert ConsentRecord.objects.filter(state="withdrawn").count() == 1
    assert counters()["unconsented"] == 2


def born(year: int, **more: Any) -> dict[str, Any]:
    said = track(traits={"birthDate": f"{year}-05-20"}, **more)
    return said | {"type": "identify"}


YES = {"consent": {"categoryPreferences": {"personalisation": True}}}


def test_rule_7_of_a_child_nothing_is_collected_by_its_own_word_from_the_first_message_on(careful: Shop) -> None:
    send(careful[1], born(2015, messageId="1", context=YES), track(messageId="2"))
    assert not Event.objects.exists() and counters()["unconsented"] == 2
    send(careful[1], born(1990, messageId="3", userId="grown", context=YES), track(messageId="4", userId="grown"))
    assert set(Event.objects.values_list("message_id", flat=True)) == {"3", "4"}


@pytest.mark.django_db(transaction=True)
def test_rule_7_what_was_said_and_is_no_profile_s_yet_makes_a_child_too(shop: Shop) -> None:
    send(shop[1], born(2015, messageId="1"))
    Source.objects.filter(pk=shop[0].pk).update(required_purpose="personalisation")
    sources.forget()
    send(shop[1], track(messageId="2", context=YES))
    assert Event.objects.count() == 1 and counters()["unconsented"] == 1
    pipeline.advance()
    send(shop[1], track(messageId="3", context=YES))
    assert Event.objects.count() == 1 and counters()["unconsented"] == 2


def test_a_required_purpose_that_does_not_exist_collects_nothing(shop: Shop) -> None:
    Source.objects.filter(pk=shop[0].pk).update(required_purpose="misspelt")
    sources.forget()
    send(shop[1], track())
    assert not Event.objects.exists() and counters()["unconsented"] == 1


# --- columns of files -----------------------------------------------------------------------------------------------------


def imported(tmp_path: Path, mapping: dict[str, Any]) -> str:
    rows, out = tmp_path / "people.csv", StringIO()
    rows.write_text(
        "external_id,수신동의,updated_at\nC1,Y,2026-03-04\nC2,n,2026-03-04\nC3,,2026-03-04\nC4,?,2026-03-04\n"
    )
    (tmp_path / "m.json").write_text(json.dumps(mapping))
    call_command("import_records", rows, "--source", "shop", "--mapping", tmp_path / "m.json", stdout=out)
    return out.getvalue()


def test_a_column_says_yes_or_no_in_its_own_words(shop: Shop, tmp_path: Path) -> None:
    column = {"purpose": "marketing", "channel": "sms", "yes": ["y", "동의"], "no": ["N", "거부"]}
    assert "taken: 3" in imported(tmp_path, {"consents": {"수신동의": column}})
    assert lines() == [("marketing", "sms", "granted", "import"), ("marketing", "sms", "withdrawn", "import")]
    assert reasons() == ["bad_consent"]
    assert list(Event.objects.values_list("properties", flat=True)) == [{}] * 3


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"consents": {"수신동의": {"purpose": "sale", "yes": [], "no": []}}}, "no such purpose"),
        (
            {"consents": {"수신동의": {"purpose": "marketing", "yes": [], "no": []}}, "clear": ["수신동의"]},
            "nowhere else",
        ),
        ({"consents": {"mailing": {"purpose": "marketing", "yes": [], "no": []}}}, "no column: mailing"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(
    shop: Shop, tmp_path: Path, mapping: dict[str, Any], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        imported(tmp_path, mapping)
