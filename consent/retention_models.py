"""How long data is kept, and what was destroyed when that was over."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.types import local_time, uuid7
from cdp.events.types import DataClass

LONGEST_DAYS = 36_500


class RetentionRule(models.Model):
    """For how many days something is kept. An empty purpose, source or data class is every one; see `consent.periods`
    for which rule of several holds."""

    class What(models.TextChoices):
        EVENTS = "events", pgettext_lazy("what is kept", "what people did")
        RECORDS = "records", pgettext_lazy("what is kept", "people nobody has seen")
        QUARANTINE = "quarantine", pgettext_lazy("what is kept", "quarantine")

    what = models.CharField(_("what"), max_length=10, choices=What)
    purpose = models.ForeignKey(
        "consent.Purpose", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("purpose")
    )
    source = models.ForeignKey(
        "events.Source", on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("source")
    )
    data_class = models.CharField(_("data class"), max_length=10, choices=DataClass, blank=True, default="")
    days = models.PositiveIntegerField(_("days"), validators=[MinValueValidator(1), MaxValueValidator(LONGEST_DAYS)])
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("retention rule")
        verbose_name_plural = _("retention rules")
        constraints = [
            models.UniqueConstraint(
                fields=["what", "purpose", "source", "data_class"],
                name="consent_retention_once",
                nulls_distinct=False,
                violation_error_message=_("There is a rule for exactly this already."),
            ),
            models.CheckConstraint(condition=models.Q(days__range=(1, LONGEST_DAYS)), name="consent_retention_days"),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()} · {self.days}"

    def clean(self) -> None:
        """Refuse what could never hold: a data class that the purpose may not use, and a purpose of what nobody read."""
        if self.what == self.What.QUARANTINE and (self.purpose_id or self.data_class):
            raise ValidationError(_("What is in quarantine was not read: it has neither a purpose nor a data class."))
        if self.what == self.What.RECORDS and self.data_class:
            raise ValidationError({"data_class": _("People go whole, whatever classes their data is of.")})
        if self.purpose is not None and self.data_class and self.data_class not in self.purpose.data_classes:
            raise ValidationError({"data_class": _("The purpose may not use this data class.")})


class RetentionRun(models.Model):
    """One night's destruction: by which rules, how much of what, kept after what it counts is gone.

    `counts` is {what: {source: rows}}, and under "held" what legal holds kept, under "gave_way" how many batches met a
    lock and wait for the next night. `rules` is how the rules read then.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    started_at = models.DateTimeField(_("started"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)
    actor = models.CharField(_("actor"), max_length=100)
    interrupted = models.BooleanField(_("interrupted"), default=False, db_default=False)
    rules: models.JSONField[Any, Any] = models.JSONField(_("rules"), default=list)
    counts: models.JSONField[Any, Any] = models.JSONField(_("destroyed"), default=dict)

    class Meta:
        verbose_name = _("retention run")
        verbose_name_plural = _("retention runs")

    def __str__(self) -> str:
        return local_time(self.started_at)
