"""What is answered about review cases, for the OpenAPI document."""

from rest_framework import serializers

from cdp.api.shapes import (
    BarShape,
    ComparedShape,
    PageShape,
    RecordShape,
    Shape,
    TextsField,
    moment,
    number,
    text,
    uuid,
)

STATES = ("open", "same", "different", "undecided", "obsolete")


class CaseShape(Shape):
    """Two records that a steward should look at."""

    id = uuid()
    left = uuid("A record.")
    right = uuid("Another one.")
    profiles = serializers.ListField(
        child=uuid(allow_null=True), help_text="In which profile either record is now; null where it was erased."
    )
    reason = text("Why a steward is asked: what the model is unsure of, what a constraint refused, or chance.")
    stratum = text("What it was drawn from at random: `merge`, `near miss`, or empty.")
    weight = serializers.FloatField(help_text="Match weight in bits when the case was opened; 0 for identifiers alone.")
    priority = serializers.FloatField(help_text="Uncertainty × impact: cases come in falling order.")
    state = serializers.ChoiceField(choices=STATES)
    assignee = text("Who has it, `user:…` or `key:…`; to the end of the day.")
    assigned_at = moment(allow_null=True)
    decided_by = text()
    decided_at = moment(allow_null=True)
    created_at = moment()
    doubts = number("How many stewards were not sure.")


class CasesPageShape(PageShape):
    """A page of cases, the most urgent first."""

    results = CaseShape(many=True)


class WeighedShape(Shape):
    """What the linkage model says of the two records as they are now."""

    weight = serializers.FloatField(help_text="In bits, prior included.", allow_null=True)
    comparisons = ComparedShape(many=True)
    waterfall = BarShape(many=True)
    model = text("The version of the linkage model.")


class PartShape(Shape):
    """Records that are in profile `before` and would be in profile `after`."""

    before = uuid(allow_null=True)
    after = uuid("Null for a profile that would be new.", allow_null=True)
    records = number()


class SegmentShiftShape(Shape):
    """A segment that the people of a part would enter or leave by its rule, whatever consent says."""

    part = PartShape()
    segment = uuid()
    name = text()
    entered = serializers.BooleanField()


class ConsentShiftShape(Shape):
    """An effective consent that would be another one for the people of a part."""

    part = PartShape()
    purpose = text()
    channel = text()
    brand = text()
    was = text(allow_null=True)
    now = text(allow_null=True)


class BlastRadiusShape(Shape):
    """All that a verdict would change: computed for real, and rolled back."""

    verdict = text("`same` for records in two profiles, `different` for records in one.")
    parts = PartShape(many=True)
    segments = SegmentShiftShape(many=True, help_text="Empty for a key without the scope segments:read.")
    consents = ConsentShiftShape(many=True)


class CaseDetailShape(CaseShape):
    """A case with all that a steward needs to decide it."""

    sides = RecordShape(many=True, help_text="The records, left before right, as far as they are not erased.")
    weighed = WeighedShape()
    blast_radius = BlastRadiusShape(allow_null=True, help_text="Null for a case that is closed.")
    personal = serializers.DictField(
        child=TextsField(), required=False, help_text="By record: the values that it holds. Only where asked for."
    )
