"""What is answered, for the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from consent.models import ConsentRecord
from identity.models import ProfileChange
from identity.types import Shared

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
