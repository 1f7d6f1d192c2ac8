"""Answers of the addresses of segments, their versions, lists, exports and members."""

from typing import get_args

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes import KEPT_BACK, MistakeShape, PageShape, Shape, TextsField, moment, number, text, uuid
from segments import types
from segments.models import ExportRequest, Segment, Transition, Version

FACTS = list(get_args(types.FactName))


@extend_schema_field({"type": "object", "description": "A rule: conditions joined by `all`, `any` and `not`."})
class RuleField(serializers.JSONField):
    """The rule of a segment, as JSON."""


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


class OverlapShape(Shape):
    """Another segment, and how many of its members are in both."""

    key = text()
    name = text()
    members = number(KEPT_BACK, allow_null=True)
    both = number(KEPT_BACK, allow_null=True)


class OverlapsShape(Shape):
    """The other segments, those with most in common first."""

    results = OverlapShape(many=True)


class FrequentShape(Shape):
    """A value that many people have."""

    value = serializers.JSONField()
    share = serializers.FloatField(help_text="Of those of whom the name is known, 0 to 1.")


class OfferedNameShape(Shape):
    """A trait or property."""

    name = text("Properties as a path, such as `products[].category`.")
    type = text("number, string, boolean, date or moment.")
    data_class = text()
    labels = TextsField(help_text="By language.")
    share = serializers.FloatField(
        help_text="In what share of golden records or such events it stands; 0: only planned."
    )
    values = FrequentShape(many=True, help_text="The most frequent first; none that only a few have.")


class OfferedEventShape(Shape):
    """An event, and its properties as far as the purpose allows them."""

    name = text()
    labels = TextsField(help_text="By language.")
    properties = OfferedNameShape(many=True)


class OffersShape(Shape):
    """What rules of a purpose may name."""

    traits = OfferedNameShape(many=True)
    events = OfferedEventShape(many=True)


class FactShape(Shape):
    """One value that decided a clause."""

    name = serializers.ChoiceField(
        choices=FACTS,
        help_text="What it is: a trait, a measure of events, their number, the first and the last of them, since when or until "
        "when in another segment, a state of consent.",
    )
    of = text("The trait, event, property or segment; of the last change its reason.")
    value = serializers.JSONField(allow_null=True, help_text="Null where there is none.")


class ReasonShape(Shape):
    """A clause of the rule, and whether it holds of the profile."""

    path = text("A JSON pointer into the rule (RFC 6901).")
    group = serializers.ChoiceField(
        choices=["", "all", "any", "none", "not_all"],
        help_text='How many of the clauses below it must hold; "" of one.',
    )
    words = text("The clause in words.")
    depth = number("How many groups it lies in.")
    holds = serializers.BooleanField()
    facts = FactShape(many=True)


class WayShape(Shape):
    """Whether the person agreed to be contacted so for the purpose of the segment, and can be."""

    channel = text()
    agreed = serializers.BooleanField()
    reachable = serializers.BooleanField(help_text="Agreed, and there is a usable contact point.")


class MembershipExplanationShape(Shape):
    """Why a profile is in a segment or not."""

    segment = text()
    profile_id = uuid("Of a merged profile the one that it became.")
    as_of = moment()
    holds = serializers.BooleanField(help_text="Whether it would be a member now, by the rule and the exclusions.")
    member = serializers.BooleanField(help_text="Whether it is one, as last computed.")
    entered_at = moment(allow_null=True)
    last_change = FactShape(allow_null=True)
    reasons = ReasonShape(many=True, help_text="From top to bottom, the whole rule first.")
    exclusions = ReasonShape(many=True, help_text="Segments whose members are left out.")
    channels = WayShape(many=True)


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


class GlimpseShape(Shape):
    """Somebody, masked."""

    profile = uuid()
    name = text('"" where none is known.')
    contact = text("A telephone number or an e-mail address.")


class MovedShape(Shape):
    """A few of those whom a version would move; empty without the scope `profiles:read`."""

    entering = GlimpseShape(many=True)
    leaving = GlimpseShape(many=True)


class MeaningComparedShape(Shape):
    """A definition against what the segment means now and against its members of now."""

    entering = number(f"Would enter. {KEPT_BACK}", allow_null=True)
    leaving = number(f"Would leave. {KEPT_BACK}", allow_null=True)
    members = number(f"Would be members. {KEPT_BACK}", allow_null=True)
    differences = DifferenceShape(many=True)
    sample = MovedShape()


class VersionComparedShape(VersionShape, MeaningComparedShape):
    """A version, against what the segment means now and against its members of now."""


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
    destination = uuid("Where it is to be sent; null for an export.", allow_null=True)
    state = serializers.ChoiceField(choices=ExportRequest.State.choices)
    asked_at = moment()
    decided_at = moment(allow_null=True)
    used_at = moment(allow_null=True)


class MarginsShape(Shape):
    """How far each number may be off: in 95 of 100 samples it is no further."""

    count = number(required=False)
    consented = number(required=False)
    reachable = number(required=False)


class PreviewShape(Shape):
    """How many profiles a rule describes, how many of them consent, and how many of those can be reached."""

    count = number(KEPT_BACK, allow_null=True)
    consented = number(f"Null without a contact channel. {KEPT_BACK}", allow_null=True)
    reachable = number(f"Null without a contact channel. {KEPT_BACK}", allow_null=True)
    estimated = serializers.BooleanField(help_text="By a sample, as where there are very many profiles; else exact.")
    margins = MarginsShape(allow_null=True, help_text="Null where the numbers are exact.")
    as_of = moment()
    notices = MistakeShape(
        many=True,
        help_text="What is probably no mistake of form but one of meaning: an event that nobody has sent yet.",
    )


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
