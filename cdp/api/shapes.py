"""What is answered, for the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from consent.models import ConsentRecord
from identity.models import ProfileChange
from identity.types import Shared
from segments.models import ExportRequest, Segment, Transition, Version

Shape = serializers.Serializer[Any]
# Of a count of people.
KEPT_BACK = "Null or rounded down where it is small and the service key may not see people."


def text(help_text: str = "", **options: Any) -> serializers.CharField:
    """A text of the answer."""
    return serializers.CharField(help_text=help_text, **options)


def number(help_text: str = "", **options: Any) -> serializers.IntegerField:
    """A whole number of the answer."""
    return serializers.IntegerField(help_text=help_text, **options)


def uuid(help_text: str = "", **options: Any) -> serializers.UUIDField:
    """An id of the answer."""
    return serializers.UUIDField(help_text=help_text, **options)


def moment(help_text: str = "", **options: Any) -> serializers.DateTimeField:
    """A time of the answer, in UTC."""
    return serializers.DateTimeField(help_text=help_text, **options)


@extend_schema_field({"type": "object", "additionalProperties": {}, "description": "Clear traits by name."})
class TraitsField(serializers.JSONField):
    """Traits as they are kept: numbers, booleans, texts, dates `YYYY-MM-DD`, moments in UTC."""


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class TextsField(serializers.JSONField):
    """Texts by name."""


@extend_schema_field({"type": "object", "description": "A rule: conditions joined by `all`, `any` and `not`."})
class RuleField(serializers.JSONField):
    """The rule of a segment, as JSON."""


class PageShape(Shape):
    """A part of a list, with the address of the next, null on the last."""

    next = serializers.URLField(allow_null=True)


# --- problems ---------------------------------------------------------------------------------------------------------


class MistakeShape(Shape):
    """One thing that is wrong with a request."""

    pointer = text("A JSON pointer into the body (RFC 6901).", required=False)
    parameter = text("A query parameter.", required=False)
    code = text("Stable, for programs.")
    detail = text("For people.")
    suggestion = text("A name that was probably meant.", required=False)


class ProblemShape(Shape):
    """An error (RFC 9457)."""

    type = text("Always `about:blank`: `code` tells problems apart.")
    title = text("The status in words.")
    status = number()
    detail = text("What happened and what to do, for people.")
    instance = text("The name of this occurrence.")
    code = text("Stable, for programs.")
    scope = text("The scope that the service key lacks.", required=False)
    errors = MistakeShape(many=True, required=False)  # type: ignore[assignment]  # a field


# --- profiles ---------------------------------------------------------------------------------------------------------


class EffectiveShape(Shape):
    """What the ledger adds up to for one purpose and contact channel; `brand` "" is all brands."""

    purpose = text()
    channel = text()
    brand = text()
    state = serializers.ChoiceField(choices=ConsentRecord.State.choices)
    since = moment()
    expires_at = moment(allow_null=True)


class LineageShape(Shape):
    """Which record won an attribute, from when on, and by which rule."""

    record = uuid()
    at = text()
    why = text()


class ProfileShape(Shape):
    """A profile; `personal` only where it was asked for."""

    id = uuid()
    redirected_from = uuid("The id asked for, where it was merged into this profile.", allow_null=True)
    created_at = moment()
    traits = TraitsField()
    lineage = serializers.DictField(child=LineageShape(), help_text="By attribute.")
    consents = EffectiveShape(many=True)
    records_count = number()
    personal = TextsField(required=False)


class FoundShape(Shape):
    """The live profiles that an identifier leads to."""

    profiles = serializers.ListField(child=uuid())
    truncated = serializers.BooleanField(help_text="There are more; the value says nothing about a person.")


class RecordShape(Shape):
    """One source's view of a person."""

    id = uuid()
    source = text()  # type: ignore[assignment]  # a field
    channel = text()
    brand = text()
    kind = text()
    leaf = serializers.BooleanField(help_text="Anonymous, a device or a receipt.")
    first_seen = moment()
    last_seen = moment()
    traits = TraitsField()


class RecordsPageShape(PageShape):
    """A page of records."""

    results = RecordShape(many=True)


class HouseholdMemberShape(Shape):
    """Somebody who may live with a person; both lists are empty where others of the household connect the two."""

    profile = uuid()
    shared = serializers.ListField(
        child=serializers.ChoiceField(choices=Shared.choices), help_text="What a record of each holds."
    )
    reasons = serializers.ListField(
        child=text(),
        help_text="What tells them apart: `given names`, `birth dates`, `gender`, `no name`, or `cannot-link`, a steward.",
    )


class HouseholdShape(Shape):
    """Who may live with a person."""

    profile = uuid("The live profile that was meant.")
    household = uuid(
        "The same for all its members; null where nobody is known to live with the person.", allow_null=True
    )
    members = HouseholdMemberShape(many=True)


class LedgerLineShape(Shape):
    """A line of the ledger as it concerns a profile."""

    id = uuid()
    record = uuid()
    by_contact = serializers.BooleanField(help_text="An opt-out that names a contact point which the record holds.")
    purpose = text()
    channel = text("Every contact channel where null.", allow_null=True)
    brand = text()
    state = serializers.ChoiceField(choices=ConsentRecord.State.choices)
    given_at = moment()
    received_at = moment()
    expires_at = moment(allow_null=True)
    method = text()
    source = text(allow_null=True)  # type: ignore[assignment]  # a field
    basis = text()
    notice_version = text()
    notice_language = text()
    recorded_by = text()


class ProfileConsentsShape(Shape):
    """The present state and the ledger, newest first."""

    effective = EffectiveShape(many=True)
    history = LedgerLineShape(many=True)


class ProfileChangeShape(Shape):
    """What happened to the id of a profile."""

    seq = number()
    profile = uuid()
    kind = serializers.ChoiceField(choices=ProfileChange.Kind.choices)
    other = uuid("Merged into it, or split from it.", allow_null=True)
    at = moment()


class ProfileChangesShape(Shape):
    """Changes in commit order; ask again with `since=next_since`, at once while `has_more`."""

    results = ProfileChangeShape(many=True)
    next_since = number()
    has_more = serializers.BooleanField()


class HistoryEntryShape(Shape):
    """One thing that happened to a profile: these records went from profile `left` to profile `joined`."""

    at = moment()
    kind = serializers.ChoiceField(choices=("created", "merged", "split", "erased", "joined", "moved", "left"))
    left = uuid(allow_null=True)
    joined = uuid(allow_null=True)
    records = serializers.ListField(child=uuid())
    actor = text("Who acted: `user:…`, `key:…` or `system:…`.")
    reason = text("A steward's; empty where evidence decided.")
    run = uuid("The batch run, where one decided.", allow_null=True)
    model = text("The version of that run's linkage model.")
    change = uuid("By which a merge can be undone.", allow_null=True)


class HistoryShape(Shape):
    """Everything that happened to a profile, oldest first; with `at`, the records that it had at that moment."""

    results = HistoryEntryShape(many=True)
    records = serializers.ListField(child=uuid(), required=False)


class ComparedShape(Shape):
    """What one comparison of two records says, in bits; `frequency_bits` is the part that comes from rare values."""

    comparison = text()
    level = text()
    bits = serializers.FloatField()
    frequency_bits = serializers.FloatField(allow_null=True)


class BarShape(Shape):
    """One bar of a waterfall of bits."""

    name = text()
    start = serializers.FloatField()
    end = serializers.FloatField()


class ExplainedLinkShape(Shape):
    """One link of the path."""

    left = uuid()
    right = uuid()
    kind = serializers.ChoiceField(choices=("must", "identifier", "claim", "probable"))
    identifier = text("The kind of the shared identifier.")
    weight = serializers.FloatField(help_text="Match weight in bits, prior included.", allow_null=True)
    comparisons = ComparedShape(many=True)
    waterfall = BarShape(many=True)
    model = text("The version of the linkage model.")
    actor = text()
    at = moment(allow_null=True)


class ExplanationShape(Shape):
    """Why two records are in one profile: the strongest path of links from one to the other."""

    left = uuid()
    right = uuid()
    links = ExplainedLinkShape(many=True)


class PartedShape(Shape):
    """The profile that was parted off, or lives again."""

    profile = uuid("Null for a receipt that belongs to nobody now.", allow_null=True)


class CorrectionShape(Shape):
    """The record that holds the correction."""

    record = uuid()


# --- segments ---------------------------------------------------------------------------------------------------------


class SegmentShape(Shape):
    """A segment and its latest computation. It is late where `due_at` is past."""

    id = uuid()
    key = text()
    name = text()
    description = text()
    owner = uuid(allow_null=True)
    purpose = text()
    brand = text()
    zone = text()
    rule = RuleField()
    exclusions = serializers.ListField(child=text(), help_text="Keys of segments whose members are never in this one.")
    excluded_everywhere = serializers.BooleanField(help_text="Its members are in no other segment of its brand.")
    split = serializers.DictField(child=number(), help_text="Parts in percent; nobody contacts the part holdout.")
    state = serializers.ChoiceField(choices=Segment.State.choices)
    version = number()
    refresh_minutes = number()
    created_at = moment()
    updated_at = moment()
    due_at = moment(allow_null=True)
    members = number(f"Those of the latest computation, before consent. {KEPT_BACK}", allow_null=True)
    computed_at = moment(allow_null=True)
    computed_seconds = serializers.FloatField(allow_null=True, help_text="How long the latest computation took.")


class SegmentsPageShape(PageShape):
    """A page of segments in order of their keys."""

    results = SegmentShape(many=True)


class VersionShape(Shape):
    """What a segment meant when, who wrote it and who decided."""

    number = number()
    state = serializers.ChoiceField(choices=Version.State.choices)
    note = text()
    written_by = text()
    written_at = moment()
    decided_by = text()
    decided_at = moment(allow_null=True)
    definition = RuleField(help_text="Rule, purpose, brand, zone, exclusions and split.")


class VersionsShape(Shape):
    """The latest versions, newest first."""

    results = VersionShape(many=True)


class DifferenceShape(Shape):
    """What stands at a place of two definitions; null where nothing does."""

    pointer = text("A JSON pointer (RFC 6901).")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class VersionComparedShape(VersionShape):
    """A version, against what the segment means now and against its members of now."""

    entering = number(f"Would enter. {KEPT_BACK}", allow_null=True)
    leaving = number(f"Would leave. {KEPT_BACK}", allow_null=True)
    members = number(f"Would be members. {KEPT_BACK}", allow_null=True)
    differences = DifferenceShape(many=True)


class ListShape(Shape):
    """An uploaded list; who is on it is not told."""

    id = uuid()
    key = text()
    name = text()
    purpose = text()
    came_from = text("Who gave it to us, and on which ground.")
    expires_at = moment()
    made_at = moment()
    entries = number("How many ids and digests it has.")


class ListsPageShape(PageShape):
    """A page of lists in order of their keys."""

    results = ListShape(many=True)


class AddedShape(Shape):
    """What came of the values that were put on a list."""

    listed = number("On the list now, also those that were before.")
    unreadable = number("Identify nobody.")
    suppressed = number("Must not come back, and are not on it.")


class ExportRequestShape(Shape):
    """Somebody's wish to export contact values, and whether another person approved it."""

    id = uuid()
    channel = text("A contact channel.")
    state = serializers.ChoiceField(choices=ExportRequest.State.choices)
    asked_at = moment()
    decided_at = moment(allow_null=True)
    used_at = moment(allow_null=True)


class PreviewShape(Shape):
    """How many profiles a rule describes, how many of them consent, and how many of those can be reached."""

    count = number(KEPT_BACK, allow_null=True)
    consented = number(f"Null without a contact channel. {KEPT_BACK}", allow_null=True)
    reachable = number(f"Null without a contact channel. {KEPT_BACK}", allow_null=True)
    as_of = moment()


class MemberShape(Shape):
    """A profile in a segment, since when, and in which part of it."""

    profile_id = uuid()
    entered_at = moment()
    variant = text("The part that was drawn for it; empty in a segment that is not split. Do not contact a holdout.")


class MembersPageShape(PageShape):
    """A page of the members who may be contacted now, in order of their ids."""

    results = MemberShape(many=True)


class ComingShape(Shape):
    """A profile that entered or left."""

    seq = number()
    profile_id = uuid()
    kind = serializers.ChoiceField(choices=Transition.Kind.choices)
    reason = text("`rule`, `consent`, `merged`, `erased` or `archived`.")
    at = moment()
    variant = text("As of a member.")


class SegmentChangesShape(Shape):
    """Comings and goings in commit order; ask again with `since=next_since`, at once while `has_more`."""

    results = ComingShape(many=True)
    next_since = number()
    has_more = serializers.BooleanField()
