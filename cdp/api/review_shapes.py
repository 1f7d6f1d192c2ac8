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

STATES = ("open", "same", "different", "undecided", "obsolete", "covered")


class CaseShape(Shape):
    """Two records that a steward should look at."""

    id = uuid()
    left = uuid("A record.")
    right = uuid("Another one.")
    profiles = serializers.ListField(
        child=uuid(allow_null=True),
        help_text="In which profile either record is now; null where it was erased; empty while the case is blind.",
    )
    reason = text(
        "Why a steward is asked: what the model is unsure of, what a constraint refused, or chance (`drawn`: no more is told "
        "while the case is blind)."
    )
    stratum = text("What it was drawn from at random: `merge`, `near miss`, or empty; empty while the case is blind.")
    weight = serializers.FloatField(
        help_text="Match weight in bits when the case was opened; 0 for identifiers alone; null while the case is blind.",
        allow_null=True,
    )
    priority = serializers.FloatField(help_text="Uncertainty × impact: cases come in falling order.")
    state = serializers.ChoiceField(
        choices=STATES,
        help_text="`covered`: another case asks about the same two profiles, and that one is asked instead.",
    )
    assignee = text("Who has it, `user:…` or `key:…`; to the end of the day.")
    assigned_at = moment(allow_null=True)
    decided_by = text()
    decided_at = moment(allow_null=True)
    created_at = moment()
    doubts = number("How many stewards were not sure.")
    blind = serializers.BooleanField(
        help_text="Whether it was drawn at random and waits for its verdict, before which nothing of the model is told."
    )


class CasesPageShape(PageShape):
    """A page of cases, the most urgent first."""

    results = CaseShape(many=True)


class WeighedShape(Shape):
    """What the linkage model says of the two records as they are now."""

    weight = serializers.FloatField(help_text="In bits, prior included.", allow_null=True)
    comparisons = ComparedShape(many=True)
    waterfall = BarShape(many=True)
    model = text("The version of the linkage model.")


class EstimateShape(Shape):
    """A share estimated from verdicts on pairs drawn at random, with its interval of 95%."""

    share = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    verdicts = number("Drawn pairs that a steward decided.")
    drawn = number("Pairs drawn.")


class JudgedShape(Shape):
    """How good a version of the linkage model is, as stewards judge it."""

    model = text("The version of the linkage model; empty for runs without one.")
    state = text("`live`, `draft`, `retired`, or empty where the model is gone.")
    precision = EstimateShape(allow_null=True, help_text="Share of automatic links between one person's records.")
    missed = EstimateShape(allow_null=True, help_text="Share of near misses between one person's records.")
    recall = EstimateShape(
        allow_null=True,
        help_text="Share linked of all pairs of one person that were compared, down to the near misses.",
    )
    ceiling = serializers.FloatField(allow_null=True, help_text="Share of matches that blocking lets be compared.")


class QualityShape(Shape):
    """What stewards' verdicts say; estimates are null before there are verdicts to say so."""

    models = JudgedShape(many=True, help_text="By version of the model, the newest first.")
    agreed = number("Verdicts that say what the model found likelier.")
    compared = number("Verdicts on pairs that the model had scored.")


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
    weighed = WeighedShape(allow_null=True, help_text="Null while the case is blind.")
    blast_radius = BlastRadiusShape(allow_null=True, help_text="Null for a case that is closed, or blind.")
    personal = serializers.DictField(
        child=TextsField(), required=False, help_text="By record: the values that it holds. Only where asked for."
    )
