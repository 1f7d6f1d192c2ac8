"""Tables of the quality of what arrives: which fields were seen, how often, and what was not as usual."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cdp.events.types import Measure


class SeenField(models.Model):
    """A field that stood in the clear in events of a source, and since when; without `field` the event itself."""

    source = models.ForeignKey("events.Source", on_delete=models.CASCADE, verbose_name=_("source"), db_index=False)
    event = models.CharField(_("event"), max_length=200)
    field = models.CharField(_("field"), max_length=200, blank=True)
    first = models.DateField(_("first seen"))

    class Meta:
        verbose_name = _("seen field")
        verbose_name_plural = _("seen fields")
        constraints = [models.UniqueConstraint(fields=["source", "event", "field"], name="events_seenfield_once")]

    def __str__(self) -> str:
        return f"{self.event}.{self.field}" if self.field else self.event


class FieldCount(models.Model):
    """In how many events of a day a field stood."""

    field = models.ForeignKey(SeenField, on_delete=models.CASCADE, verbose_name=_("field"), db_index=False)
    day = models.DateField(_("day"))
    count = models.BigIntegerField(_("count"))

    class Meta:
        verbose_name = _("field count")
        verbose_name_plural = _("field counts")
        constraints = [models.UniqueConstraint(fields=["field", "day"], name="events_fieldcount_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.count}"


class Anomaly(models.Model):
    """What of a source was not as usual on a day (`cdp.events.quality`); judged again while the day is young."""

    day = models.DateField(_("day"))
    source = models.ForeignKey("events.Source", on_delete=models.CASCADE, verbose_name=_("source"), db_index=False)
    measure = models.CharField(_("measure"), max_length=11, choices=Measure)
    event = models.CharField(_("event"), max_length=200, blank=True)
    field = models.CharField(_("field"), max_length=200, blank=True)
    value = models.FloatField(_("value"))
    usual = models.FloatField(_("usual"), null=True)
    distance = models.FloatField(_("distance from the usual"), null=True)
    found_at = models.DateTimeField(_("found"), db_default=Now())

    class Meta:
        verbose_name = _("anomaly")
        verbose_name_plural = _("anomalies")
        constraints = [
            models.UniqueConstraint(fields=["day", "source", "measure", "event", "field"], name="events_anomaly_once")
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.day}: {self.get_measure_display()}"
