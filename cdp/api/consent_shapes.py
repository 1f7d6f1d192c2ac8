"""What is answered about consent, for the OpenAPI document."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes import PageShape, Shape, moment, number, text, uuid
from consent.models import ConsentRecord, Purpose


@extend_schema_field({"type": "object", "additionalProperties": {}, "maxProperties": 50, "minProperties": 1})
class ProofField(serializers.DictField):
    """Any JSON object."""


@extend_schema_field({"type": "object", "additionalProperties": {}})
class IsoField(serializers.JSONField):
    """A part of a record by the names of ISO/IEC TS 27560."""


class DecisionShape(Shape):
    """Whether a person may be contacted now for a purpose by a contact channel."""

    profile = uuid("The live profile that was asked about.")
    allowed = serializers.BooleanField()
    reasons = serializers.ListField(
        child=serializers.CharField(),
        help_text="Every reason why not: `not_live`; `no_consent`, `no_guardian`, `refused`, `withdrawn`, `expired`, also "
        "with `use_`, `night_` or the key of a purpose before it; `no_contact_point`.",
    )
    at = moment()


class ConsentRecordShape(Shape):
    """A consent record: header, processing, parties, events."""

    schema_version = text()
    record_id = uuid()
    pii_principal_id = uuid("A random id, not that of a profile or record.")
    pii_processing = IsoField()
    party_identification = serializers.ListField(child=IsoField())
    events = serializers.ListField(child=IsoField(), help_text="What was given, and what became of it.")


class ReceiptShape(Shape):
    """A consent receipt after ISO/IEC TS 27560:2023."""

    schema_version = text()
    receipt_id = uuid("The line of the ledger.")
    consent_record = ConsentRecordShape()


class ReceiptsPageShape(PageShape):
    """A page of receipts in order of their ids."""

    results = ReceiptShape(many=True)


class QuestionShape(Shape):
    """One purpose as a person is asked about it."""

    purpose = text()
    name = text()
    basis = serializers.ChoiceField(choices=Purpose.Basis.choices)
    version = text("Of the notice.")
    text = serializers.CharField()
    sha256 = serializers.CharField(help_text="Of the text.")
    ticked = serializers.BooleanField(help_text="Always false: nothing is ticked for anybody.")


class FormShape(Shape):
    """What is asked together."""

    language = text()
    required = QuestionShape(many=True)  # type: ignore[assignment]
    optional = QuestionShape(many=True)


class AnsweredShape(Shape):
    """What became of answers."""

    written = number("How many records are new; none where the key was sent before.")
    may_serve = serializers.BooleanField(help_text="False only where a required purpose was refused.")


class ConflictShape(Shape):
    """A consent that an opt-out signal stands against."""

    line = uuid("Of the ledger.")
    subject = uuid()
    profile = uuid(allow_null=True)
    purpose = text()
    channel = text(allow_null=True)
    brand = text()
    objected_at = moment()
    granted_at = moment()


class ConflictsShape(Shape):
    """Conflicts, oldest first."""

    results = ConflictShape(many=True)


class SettledShape(Shape):
    """A conflict that is settled."""

    line = uuid()
    granted = serializers.BooleanField()


class OwedResultShape(Shape):
    """Word that is owed to a person."""

    id = number()
    line = uuid("Of the ledger.")
    subject = uuid(allow_null=True)
    profile = uuid("Null where only a number or address was named.", allow_null=True)
    purpose = text()
    channel = text(allow_null=True)
    state = serializers.ChoiceField(choices=ConsentRecord.State.choices)
    given_at = moment()
    due_on = serializers.DateField()
    late = serializers.BooleanField()


class OwedResultsShape(Shape):
    """What is due first comes first."""

    results = OwedResultShape(many=True)


class SentShape(Shape):
    """How many were waiting."""

    sent = number()
