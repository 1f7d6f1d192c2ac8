"""Reads of identity."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from cdp.core import crypto, indexing, sequence
from cdp.core.errors import Refused
from cdp.core.models import Sequence
from cdp.core.statements import column, fetch, prepared
from cdp.core.types import UNSTORABLE, Actor
from cdp.events import queries as events
from identity import casework, clusters, explanation, households_sql, sql, ties
from identity.fold import BRANDED, qualified
from identity.linkage import model as linkage
from identity.linkage import normalise
from identity.models import Identifier, Link, LinkageModel, Profile, ProfileChange, Record, ReviewCase
from identity.types import (
    LEAVES,
    Case,
    ChannelCount,
    Compared,
    ExplainedLink,
    Explanation,
    Folded,
    FoundProfile,
    HistoryEntry,
    Household,
    HouseholdMember,
    IdChangePage,
    NumberedChange,
    OpenRecord,
    RecordView,
    ReviewProgress,
    Tie,
    Weighed,
)

TABLE, COLUMN = "identity_record", "attributes"
MODEL_TABLE, MODEL_COLUMN = "identity_linkagemodel", "parameters"
MOST_FOUND = 100
# All kinds of records that an external id may name.
KINDS = ("customer", "user", *sorted(LEAVES))


# --- profiles ---------------------------------------------------------------------------------------------------------


def find_profile(asked: UUID) -> FoundProfile:
    """The live profile that an id means now. Raises `Refused`: `not_found`, or `erased` for one that was erased."""
    found = Profile.objects.select_related("redirect").filter(pk=asked).first()
    if found is None:
        raise Refused("not_found", _("There is no such profile."))
    meant = found.redirect or found
    if meant.state == Profile.State.ERASED:
        raise Refused("erased", _("The profile was erased: delete what you keep of it."))
    return FoundProfile(meant.pk, meant.created_at, asked if meant.pk != asked else None)


def profiles_with(kind: str, value: str, brand: str | None = None) -> list[UUID]:
    """The live profiles of records that hold an identifier in any spelling, at most `MOST_FOUND` and one more.

    `brand` narrows kinds that are unique within a brand only. None where the value identifies nobody.
    """
    normal = normalise.identifier(kind, value)
    if normal is None or UNSTORABLE.search(normal + (brand or "")):
        return []
    names = {qualified(kind, one) for one in _brands(kind, brand)}
    index = indexing.now()
    digests = [digest for name in names for digest in index.anywhere(name, normal)]
    holders = Identifier.objects.filter(kind__in=names, digest__in=digests).values("record")
    return _live(Record.objects.filter(pk__in=holders))


def _brands(kind: str, brand: str | None) -> set[str]:
    if kind not in BRANDED:
        return {""}
    return {brand} if brand is not None else {"", *events.brands()}


def profiles_of_external(source: str, value: str) -> list[UUID]:
    """The live profiles of the records that a source calls so. Raises `Refused`, `source_unknown`."""
    known = None if UNSTORABLE.search(source) else events.source_by_name(source)
    if known is None:
        raise Refused("source_unknown", _("There is no such source."))
    if UNSTORABLE.search(value):
        return []
    records = [crypto.record_id(known.id, kind, text) for kind, text in product(KINDS, {value, value.strip()})]
    return _live(Record.objects.filter(pk__in=records))


def _live(records: QuerySet[Record]) -> list[UUID]:
    live = Profile.objects.filter(pk__in=records.values("profile"), state=Profile.State.LIVE).order_by("id")
    return list(live.values_list("pk", flat=True)[: MOST_FOUND + 1])


def profiles_of(records: Collection[UUID]) -> list[UUID]:
    """The profiles that these records belong to, sorted."""
    return sorted(row[0] for row in prepared(sql.PROFILES_OF, [list(records)]))


def live_profiles() -> int:
    """How many live profiles there are."""
    return Profile.objects.filter(state=Profile.State.LIVE).count()


# --- what happened to their ids ---------------------------------------------------------------------------------------


def profile_changes(since: int, limit: int) -> IdChangePage:
    """Changes after the number `since` in commit order. Numbers what is committed first, so that it is seen at once."""
    sequence.number(sequence.PROFILES)
    numbers = Sequence.objects.filter(stream=sequence.PROFILES, seq__gt=since).order_by("seq")
    found = list(numbers.values_list("seq", "row")[: limit + 1])
    told = found[:limit]
    rows = ProfileChange.objects.defer("records").in_bulk([row for _seq, row in told])
    changes = [NumberedChange(*_change(rows[row]), seq) for seq, row in told if row in rows]
    return IdChangePage(changes, told[-1][0] if told else since, len(found) > limit)


def history(profile: UUID) -> list[HistoryEntry]:
    """Everything that happened to one profile, oldest first, live or not; of records that were erased it tells nothing."""
    return [HistoryEntry(*row) for row in fetch(sql.HISTORY, {"profile": profile})]


def members_at(profile: UUID, at: datetime) -> set[UUID]:
    """The records that a profile had at a moment, as far as they still are (erased ones are not told)."""
    return set(column(sql.MEMBERS_AT, {"profile": profile, "at": at}))


def _change(row: ProfileChange) -> tuple[UUID, ProfileChange.Kind, UUID | None, datetime]:
    return row.profile, ProfileChange.Kind(row.kind), row.other, row.at


# --- records ----------------------------------------------------------------------------------------------------------


def records_of(profile: UUID) -> list[UUID]:
    """The ids of a profile's records, leaves included."""
    return list(Record.objects.filter(profile=profile).order_by("id").values_list("id", flat=True))


def leaves_among(records: Collection[UUID]) -> set[UUID]:
    """Those of these records that are leaves."""
    return {row[0] for row in prepared(sql.LEAVES_AMONG, [list(records)])}


def records_page(profile: UUID, after: UUID | None, limit: int) -> tuple[list[RecordView], bool]:
    """Up to `limit` of a profile's records in order of their ids, and whether there are more."""
    rows = Record.objects.filter(profile=profile).order_by("id")
    found = _views((rows.filter(pk__gt=after) if after else rows)[: limit + 1])
    return found[:limit], len(found) > limit


def all_records(profile: UUID) -> list[RecordView]:
    """All of a profile's records: persons before leaves, those first seen before those seen later."""
    return _views(Record.objects.filter(profile=profile).order_by("leaf", "first_seen"))


def record_views(records: Iterable[UUID]) -> dict[UUID, RecordView]:
    """Those of these records that there are."""
    return {view.id: view for view in _views(Record.objects.filter(pk__in=list(records)))}


def _views(rows: QuerySet[Record]) -> list[RecordView]:
    return [_view(row) for row in rows.select_related("source").defer("attributes")]


def _view(row: Record) -> RecordView:
    source, traits = row.source, {name: said[0] for name, said in row.traits.items()}
    seen = row.first_seen, row.last_seen
    return RecordView(row.pk, source.name, source.channel_id, source.brand, row.kind, row.leaf, *seen, traits)


def record_counts(profiles: Collection[UUID]) -> dict[UUID, int]:
    """How many records each of these profiles has; without those that have none."""
    rows = Record.objects.filter(profile__in=profiles).order_by().values_list("profile")
    return dict(rows.annotate(Count("id")))


def channel_counts() -> list[ChannelCount]:
    """Records and their profiles by channel, the most records first."""
    rows = Record.objects.order_by().values_list("source__channel_id")
    counted = rows.annotate(records=Count("id"), profiles=Count("profile", distinct=True))
    return [ChannelCount(*row) for row in counted.order_by("-records", "source__channel_id")]


# --- review -----------------------------------------------------------------------------------------------------------


def open_cases(most: int) -> int:
    """How many review cases wait for a steward, counted no further than `most`."""
    return ReviewCase.objects.filter(state=ReviewCase.State.OPEN).order_by()[:most].count()


def review_cases(
    limit: int, after: tuple[float, UUID] | None = None, state: str = "open", reason: str = ""
) -> tuple[list[Case], bool]:
    """Up to `limit` cases of a state (of one reason, unless ""), the most urgent first, after (priority, id) of another;
    and whether there are more."""
    return casework.page(limit, after, state, reason)


def review_case(case: UUID) -> Case:
    """A review case. Raises `Refused`, `not_found`."""
    return casework.find(case)


def review_progress(actor: Actor) -> ReviewProgress:
    """How far review has come, and a steward's day."""
    return casework.progress(actor)


def weigh(left: UUID, right: UUID) -> Weighed:
    """What the live model says of two records as they are now, whichever profiles they are in."""
    ends, model = {record.id: record for record in open_records([left, right])}, live_model()[1]
    if any(record not in ends or ends[record].leaf for record in (left, right)):
        return Weighed(None, (), (), "")
    told = explanation.compared(model, ends[left], ends[right])
    bars = explanation.waterfall(model, told)
    return Weighed(bars[-1].end, told, bars, model.version)


# --- opened records ---------------------------------------------------------------------------------------------------


def open_records(records: Iterable[UUID], keys: Mapping[UUID, crypto.RecordKey] | None = None) -> list[OpenRecord]:
    """Records with their blobs decrypted in memory; those without a blob or whose key is destroyed come back empty.
    `keys`: their data keys, where these are at hand."""
    rows = prepared(sql.RECORDS, [list(records)])
    keys = crypto.unwrapped(row[-4:] for row in rows) if keys is None else keys
    return [_open(row, keys) for row in rows]


def latest_values(records: Collection[UUID], attribute: str) -> dict[UUID, str]:
    """The latest value of one attribute of each of these records that has it; decrypted in memory, and nothing else kept."""
    rows = prepared(sql.SEALED, [list(records)])
    keys = crypto.unwrapped(row[1:] for row in rows)
    opened = ((row[2], crypto.unseal(keys[row[2]], TABLE, COLUMN, row[0])) for row in rows)
    histories = ((record, said.get("values", {}).get(attribute)) for record, said in opened)
    return {record: history[0][0] for record, history in histories if history}


def household_of(profile: UUID) -> Household:
    """Who may live with a person, by a shared contact or home: hints (see `identity.households`), sorted by profile."""
    told = fetch(households_sql.HOUSEHOLD, [profile])
    direct: dict[UUID, list[tuple[str, str]]] = {end: [] for row in told for end in row[1:3] if end != profile}
    for _household, left, right, *hint in told:
        if profile in (left, right):
            direct[right if left == profile else left].append((hint[0], hint[1]))
    members = [
        HouseholdMember(other, *(tuple(sorted({hint[part] for hint in hints})) for part in (0, 1)))
        for other, hints in sorted(direct.items())
    ]
    return Household(told[0][0] if told else None, members)


# --- the graph of evidence --------------------------------------------------------------------------------------------


def person_records() -> list[UUID]:
    """All records that stand for a person (not leaves)."""
    return column(sql.PERSON_RECORDS)


def component(seeds: Collection[UUID]) -> set[UUID]:
    """`seeds` and all person records connected with them in the raw graph of evidence: identifiers, links, profiles."""
    return {row[0] for row in prepared(sql.COMPONENT, {"records": list(seeds)})}


def assignments() -> Iterator[tuple[UUID, str, str]]:
    """(profile, source name, external id) of every record, the external id decrypted in memory."""
    return (row[1:] for row in named_records())


def named_records() -> Iterator[tuple[UUID, UUID, str, str]]:
    """The same, each after the record's own id."""
    rows = fetch(sql.ASSIGNMENTS)
    for start in range(0, len(rows), 10_000):
        batch = rows[start : start + 10_000]
        opened = {record.id: record.folded.external_id for record in open_records(row[2] for row in batch)}
        yield from ((record, profile, source, opened[record]) for profile, source, record in batch)


def ties_among(records: Collection[UUID]) -> list[Tie]:
    """What joins these records: identifiers that most hold first, then links, the strongest first, then claims."""
    return ties.among(records)


# --- why --------------------------------------------------------------------------------------------------------------


def explain(left: UUID, right: UUID) -> Explanation:
    """Why two records of one profile are in it together: the strongest path of links between them.

    Raises `Refused`: `not_one_profile`; `unexplained` where evidence has changed and the profile waits for the next
    clustering.
    """
    homes = dict(Record.objects.filter(pk__in=[left, right]).values_list("pk", "profile_id"))
    profile = homes.get(left)
    if profile is None or homes.get(right) != profile:
        raise Refused("not_one_profile", _("The records are not in one profile."))
    records = {record.id: record for record in open_records(records_of(profile))}
    steps = _path(records, left, right)
    return Explanation(left, right, tuple(_explained(step, records) for step in steps))


def _path(records: dict[UUID, OpenRecord], left: UUID, right: UUID) -> list[explanation.Step]:
    """From one record to the other: leaves lead to their owners, persons by the strongest links."""
    if left == right:
        return []
    head, start = _to_owner(records[left], records)
    tail, end = _to_owner(records[right], records)
    persons = [record for record in records.values() if not record.leaf]
    ids = [record.id for record in persons]
    held = [clusters.Held(*row) for row in fetch(sql.IDENTIFIERS, [ids])]
    stored = [clusters.StoredLink(*row) for row in fetch(sql.LINKS, {"records": ids})]
    middle = explanation.path(persons, held, stored, live_model()[1], (start, end))
    if middle is None or not {start, end} <= records.keys():
        raise Refused("unexplained", _("The evidence has changed since: ask again when it has been clustered anew."))
    return [*head, *middle, *(replace(step, left=step.right, right=step.left) for step in tail)]


def _to_owner(record: OpenRecord, profile: Collection[UUID]) -> tuple[list[explanation.Step], UUID]:
    """The link of a leaf to its owner in the profile, and that owner; of a person nothing and itself."""
    if not record.leaf:
        return [], record.id
    claimants = [owner for leaf, owner in fetch(sql.CLAIMED_LEAVES, {"leaves": [record.id]}) if owner in profile]
    if claimants:
        kind = "must" if _link(record.id, claimants[0], Link.Kind.MUST) else "claim"
        return [explanation.Step(record.id, claimants[0], kind)], claimants[0]
    for owner, kind in fetch(sql.CARRIED_KIND, [record.id]):
        return [explanation.Step(record.id, owner, "identifier", kind)], owner
    return [], record.id


def _link(one: UUID, other: UUID, kind: str) -> Link | None:
    return Link.objects.filter(left=min(one, other), right=max(one, other), kind=kind).first()


def _explained(step: explanation.Step, records: dict[UUID, OpenRecord]) -> ExplainedLink:
    stored = _link(step.left, step.right, step.kind) if step.kind in Link.Kind.values else None
    ends = records[step.left], records[step.right]
    model = stored_model(stored.model_id) if stored and stored.model_id else live_model()[1]
    told: tuple[Compared, ...] = ()
    if not (ends[0].leaf or ends[1].leaf):
        told = explanation.compared(model, *ends)
    if stored and step.kind == Link.Kind.PROBABLE and not explanation.weighs(model, told, stored.weight):
        told = explanation.as_scored(model, stored.levels, stored.weight)
    bars = explanation.waterfall(model, told) if told else ()
    return ExplainedLink(
        **vars(step),
        weight=bars[-1].end if bars else None,
        comparisons=told,
        waterfall=bars,
        model=model.version if told else "",
        actor=stored.actor if stored else "",
        at=stored.created_at if stored else None,
    )


# --- the model --------------------------------------------------------------------------------------------------------


def live_model() -> tuple[UUID | None, linkage.Model]:
    """The model in use and its id; the packaged one, without an id, before any was trained."""
    live = next((row[0] for row in prepared(sql.LIVE_MODEL)), None)
    return live, model_of(live)


def model_of(live: UUID | None) -> linkage.Model:
    """A trained model; the packaged one where there is none."""
    return stored_model(live) if live else linkage.DEFAULT


@lru_cache(maxsize=4)
def stored_model(model: UUID) -> linkage.Model:
    """A trained model, opened."""
    key = crypto.existing_data_keys([model]).get(model)
    sealed = LinkageModel.objects.values_list("parameters", flat=True).get(pk=model)
    return linkage.Model.from_json(crypto.unseal(key, MODEL_TABLE, MODEL_COLUMN, sealed))


def _open(row: tuple[Any, ...], keys: Mapping[UUID, crypto.RecordKey]) -> OpenRecord:
    id_, source, kind, leaf, profile, version, blob, traits, first_seen, last_seen, *_ = row
    key = keys.get(id_)
    sealed = crypto.unseal(key, TABLE, COLUMN, blob) if blob is not None and key is not None else {}
    sealed.pop("cleaned", None)  # which stands in a column of its own since
    folded = Folded(**sealed, traits=traits)
    return OpenRecord(id_, source, kind, leaf, profile, version, first_seen, last_seen, folded)
