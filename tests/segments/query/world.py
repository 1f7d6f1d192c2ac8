"""A small world of profiles, records, events, consents and memberships, as plain values and as rows of an engine."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

NAMES = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")

TABLES = """
create table identity_profile (id uuid primary key, state text not null);
create table identity_record (id uuid primary key, profile_id uuid);
create table profiles_golden (profile_id uuid primary key, traits {json} not null);
create table events_event (record uuid not null, name text not null, occurred_at timestamptz not null,
    message_id text not null, properties {json} not null, brand text not null, order_id text, currency text,
    revenue bigint);
create table consent_effective (profile_id uuid, purpose text, channel text, brand text, state text);
create table segments_membership (segment_id uuid, profile_id uuid);
create table segments_ever (segment_id uuid, profile_id uuid);
create table segments_listed (list_id uuid, profile_id uuid);
create index events_by_record on events_event (record, name, occurred_at);
create index records_by_profile on identity_record (profile_id);
"""


def uuid_of(name: str) -> UUID:
    """A stable id for a name."""
    return uuid5(NAMES, name)


@dataclass(frozen=True)
class Event:
    record: str
    name: str
    occurred_at: datetime
    message_id: str
    properties: dict[str, Any] = field(default_factory=dict)
    brand: str = ""
    order_id: str | None = None
    currency: str | None = None
    revenue: int | None = None


@dataclass(frozen=True)
class World:
    """Profiles by name: their state and traits (None: no golden record); records by name: their profile."""

    profiles: dict[str, str]
    traits: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    records: dict[str, str | None] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    consents: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    members: list[tuple[str, str]] = field(default_factory=list)
    once: list[tuple[str, str]] = field(default_factory=list)
    listed: list[tuple[str, str]] = field(default_factory=list)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of each table, ids made from names."""
        return {
            "identity_profile": [(uuid_of(name), state) for name, state in self.profiles.items()],
            "identity_record": [(uuid_of(name), _id(profile)) for name, profile in self.records.items()],
            "profiles_golden": [(uuid_of(n), json.dumps(t)) for n, t in self.traits.items() if t is not None],
            "events_event": [_event_row(event) for event in self.events],
            "consent_effective": [(uuid_of(profile), *rest) for profile, *rest in self.consents],
            "segments_membership": [(uuid_of(segment), uuid_of(profile)) for segment, profile in self.members],
            "segments_ever": [(uuid_of(s), uuid_of(profile)) for s, profile in (*self.members, *self.once)],
            "segments_listed": [(uuid_of(name), uuid_of(profile)) for name, profile in self.listed],
        }


def _id(profile: str | None) -> UUID | None:
    return None if profile is None else uuid_of(profile)


def _event_row(event: Event) -> tuple[Any, ...]:
    properties = json.dumps(event.properties)
    return (
        uuid_of(event.record),
        event.name,
        event.occurred_at,
        event.message_id,
        properties,
        event.brand,
        event.order_id,
        event.currency,
        event.revenue,
    )
