"""Computed traits: their definitions. Their values stand in the golden record."""

from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.types import uuid7
from cdp.events.types import DataClass
from cdp.profiles.types import COMPUTED

# What of RFM is published, each under a name of its own.
RFM_PARTS = ("recency", "frequency", "monetary", "code")


class ComputedTrait(models.Model):
    """What is computed of whose events under which name; the meaning of each kind is fixed by `segments.query.computed`."""

    class Kind(models.TextChoices):
        COUNT = "count", pgettext_lazy("computed trait", "number of events")
        SUM = "sum", pgettext_lazy("computed trait", "sum")
        AVG = "avg", pgettext_lazy("computed trait", "average")
        MIN = "min", pgettext_lazy("computed trait", "smallest value")
        MAX = "max", pgettext_lazy("computed trait", "largest value")
        MOST_FREQUENT = "most_frequent", pgettext_lazy("computed trait", "most frequent value")
        FIRST = "first", pgettext_lazy("computed trait", "first value")
        LAST = "last", pgettext_lazy("computed trait", "last value")
        LIST = "list", pgettext_lazy("computed trait", "list of different values")
        DISTINCT = "distinct", pgettext_lazy("computed trait", "number of different values")
        RFM = "rfm", pgettext_lazy("computed trait", "RFM: recency, frequency and money, each from 1 to 5")

    class ValueType(models.TextChoices):
        NUMBER = "number", pgettext_lazy("type of a value", "number")
        STRING = "string", pgettext_lazy("type of a value", "text")
        BOOLEAN = "boolean", pgettext_lazy("type of a value", "true or false")
        DATE = "date", pgettext_lazy("type of a value", "date")
        MOMENT = "moment", pgettext_lazy("type of a value", "moment")

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("computed trait", "draft")
        PUBLISHED = "published", pgettext_lazy("computed trait", "published")
        ARCHIVED = "archived", pgettext_lazy("computed trait", "archived")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.SlugField(
        _("key"), max_length=60, unique=True, help_text=_("Rules name the trait “computed.” and this key.")
    )
    label_en = models.CharField(_("name in English"), max_length=100)
    label_ko = models.CharField(_("name in Korean"), max_length=100)
    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    event = models.CharField(_("event"), max_length=200, help_text=_("As it is sent, such as Order Completed."))
    path = models.CharField(
        _("property"), max_length=200, blank=True,
        help_text=_("Such as revenue, category or products[].category; none for a number of events and for RFM."),
    )  # fmt: skip
    value_type = models.CharField(
        _("type of the value"), max_length=7, choices=ValueType, default=ValueType.STRING,
        help_text=_("Values of other types do not count. Sums and numbers are numbers whatever stands here."),
    )  # fmt: skip
    condition: models.JSONField[Any, Any] = models.JSONField(
        _("only events that"), default=dict, blank=True,
        help_text=_('As JSON, in the words of rules: where, within, between, at, currency. Such as {"within": {"days": 90}}.'),
    )  # fmt: skip
    data_class = models.CharField(
        _("data class"), max_length=10, choices=DataClass, default=DataClass.GENERAL,
        help_text=_("Only segments whose purpose allows this class may read the trait."),
    )  # fmt: skip
    zone = models.CharField(_("time zone"), max_length=50)
    refresh_minutes = models.IntegerField(_("recomputed every … minutes"), default=60)
    # Grows with what the definition means, so that an approval of contact values is of one meaning.
    version = models.IntegerField(_("version"), default=1, db_default=1, editable=False)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.DRAFT, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    due_at = models.DateTimeField(_("next recompute"), null=True, editable=False)
    computed_at = models.DateTimeField(_("last recompute"), null=True, editable=False)
    took = models.DurationField(_("took"), null=True, editable=False)
    profiles = models.IntegerField(_("profiles with a value"), null=True, editable=False)
    error = models.CharField(_("error"), max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name = _("computed trait")
        verbose_name_plural = _("computed traits")
        ordering = ["key"]
        permissions = [("publish_computedtrait", _("Can publish computed trait"))]

    def __str__(self) -> str:
        return self.key

    @property
    def names(self) -> tuple[str, ...]:
        """Under which names its values stand in the golden record."""
        parts = [f".{part}" for part in RFM_PARTS] if self.kind == self.Kind.RFM else [""]
        return tuple(f"{COMPUTED}{self.key}{part}" for part in parts)
