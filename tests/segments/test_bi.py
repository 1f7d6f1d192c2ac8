"""The schema `bi`: what an analyst's role may read, and what stands in it."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from psycopg import Connection, sql

from cdp.core.sql import BI_ROLE
from cdp.events.models import PlannedField
from cdp.profiles.models import Golden
from consent.models import Purpose
from identity.models import Profile
from segments import actions, privacy, traits
from segments.models import Membership
from tests.api.people import EXTERNAL, VALUES, canary
from tests.segments.people import ACTOR, NOW, execute, happened, person, record_of, retrait, says, segment, told

VIEWS = ("profiles", "events", "consents", "segments", "memberships", "transitions")


@pytest.fixture
def analyst(db: None) -> Iterator[Connection[tuple[Any, ...]]]:
    """A connection as the role, to this very database."""
    about = connection.settings_dict
    address = {"host": about["HOST"], "port": about["PORT"] or None, "dbname": about["NAME"]}
    with psycopg.connect(user=BI_ROLE, autocommit=True, **address) as made:
        yield made


def rows(view: str, profile: UUID | None = None) -> list[dict[str, Any]]:
    only = "" if profile is None else f" where v.profile_id = '{profile}'"
    return [json.loads(row[0]) for row in execute(f"select to_jsonb(v) from bi.{view} v{only}")]


def everything() -> str:
    return str([rows(view) for view in VIEWS])


def test_the_role_reads_the_views_and_nothing_else(analyst: Connection[Any]) -> None:
    for view in VIEWS:
        analyst.execute(sql.SQL("select * from {}").format(sql.Identifier("bi", view))).fetchall()
    readable = """select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'bi')
        and n.nspname !~ '^pg_' and case c.relkind when 'S' then has_sequence_privilege(c.oid, 'usage, select, update')
            else has_table_privilege(c.oid, 'select, insert, update, delete, truncate, references, trigger')
                or has_any_column_privilege(c.oid, 'select, insert, update') end"""
    assert analyst.execute(readable).fetchall() == []
    writable = "select has_table_privilege('bi.profiles', 'insert, update, delete, truncate')"
    assert analyst.execute(writable).fetchone() == (False,)
    for refused in ("select * from identity_record", "select * from keys.core_datakey", "delete from identity_record"):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            analyst.execute(refused)


@pytest.mark.django_db
def test_the_views_tell_of_the_living_and_of_no_personal_value() -> None:
    who = canary()
    happened(who, "Order Completed", revenue=5000, currency="KRW", order_id="o-1", account="account-9", session="s-9",
             properties={"items": 2}, sealed=b"sealed")  # fmt: skip
    says(who, "granted")
    told(who)
    made = segment()
    actions.recompute(made.pk, NOW)
    assert rows("profiles", who)[0]["traits"] == {"region": "서울", "orders_count": 5}
    event = rows("events", who)[0]
    assert (event["name"], event["revenue_minor"], event["order_id"]) == ("Order Completed", 5000, "o-1")
    assert event["properties"] == {"items": 2}
    assert [row["state"] for row in rows("consents", who)] == ["granted"]
    assert [row["segment"] for row in rows("memberships", who)] == ["vip"]
    assert [(row["kind"], row["reason"]) for row in rows("transitions", who)] == [("entered", "rule")]
    shown = everything()
    for hidden in (*VALUES.values(), EXTERNAL, "account-9", "s-9", str(record_of(who)), "sealed"):
        assert hidden not in shown


@pytest.mark.django_db
def test_what_is_of_another_data_class_or_sealed_by_now_is_left_out() -> None:
    who = person(orders_count=3, diagnosis="x", note="y", **{"computed.loans": 4, "computed.visits": 1})
    for path, fields in (("diagnosis", {"data_class": "sensitive"}), ("note", {"treatment": "sealed"})):
        PlannedField.objects.create(event="Identify", path=path, **{"treatment": "clear"} | fields)
    PlannedField.objects.create(event="Visit", path="ward.name", treatment="clear", data_class="sensitive")
    about: Any = {"label_en": "x", "label_ko": "x", "kind": "count", "event": "Visit"}
    for key, data_class in (("loans", "credit"), ("visits", "general")):
        traits.create(ACTOR, key=key, data_class=data_class, **about)
    happened(who, "Visit", properties={"ward": {"name": "x"}, "floor": 2})
    happened(who, "Other", properties={"ward": "kept"})
    assert rows("profiles", who)[0]["traits"] == {"orders_count": 3, "computed.visits": 1}
    found = {row["name"]: row["properties"] for row in rows("events", who)}
    assert found == {"Visit": {"floor": 2}, "Other": {"ward": "kept"}}


@pytest.mark.django_db
def test_a_segment_that_may_read_other_classes_is_left_out_with_its_members() -> None:
    who, made = person(orders_count=3), segment()
    actions.recompute(made.pk, NOW)
    assert rows("memberships", who) and rows("transitions", who)
    Purpose.objects.filter(pk="marketing").update(data_classes=["general", "sensitive"])
    assert [rows(view) for view in ("segments", "memberships", "transitions")] == [[], [], []]


@pytest.mark.django_db
def test_a_merged_person_s_past_is_that_of_the_person_who_lives() -> None:
    gone, stays, made = person(orders_count=3), person(orders_count=3), segment()
    actions.recompute(made.pk, NOW)
    Membership.objects.filter(profile=gone).delete()
    Profile.objects.filter(pk=gone).update(state="merged", redirect_id=stays)
    assert len(rows("transitions", stays)) == 2 and rows("transitions", gone) == []
    Profile.objects.filter(pk=stays).update(state="erased")
    assert str(gone) not in everything() and str(stays) not in everything()


@pytest.mark.django_db
def test_nothing_of_an_erased_person_remains() -> None:
    who, made = canary(), segment()
    happened(who, "Visit")
    says(who, "granted")
    told(who)
    actions.recompute(made.pk, NOW)
    assert str(who) in everything()
    privacy.erase([record_of(who)])
    Profile.objects.filter(pk=who).update(state="erased")
    assert str(who) not in everything()


@pytest.mark.django_db
def test_a_consent_whose_time_is_over_has_expired() -> None:
    who = person()
    says(who, "granted")
    told(who)
    execute("update consent_effective set expires_at = now() - interval '1 minute'")
    assert [row["state"] for row in rows("consents", who)] == ["expired"]
    retrait(who)
    assert Golden.objects.get(pk=who).traits == rows("profiles", who)[0]["traits"] == {}
