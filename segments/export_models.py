"""Files of members that a worker prepares: what was asked for, how far it is, and its sealed parts."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.types import uuid7


class ExportJob(models.Model):
    """A file of a segment's members, prepared by a worker and fetched until `ends_at`.

    Its parts are sealed under a data key of its own (record = the id): destroying that destroys the file. `count`, `size`
    (bytes) and `sha256` are of the file as it was last fetched, or made; `left_out` were in it when it was made and may not be
    told of any more.
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("export file", "waiting")
        RUNNING = "running", pgettext_lazy("export file", "being made")
        DONE = "done", pgettext_lazy("export file", "ready")
        FAILED = "failed", pgettext_lazy("export file", "failed")
        GONE = "gone", pgettext_lazy("export file", "destroyed")

    class Why(models.TextChoices):
        ENDED = "ended", pgettext_lazy("export file", "its time was over")
        DELETED = "deleted", pgettext_lazy("export file", "somebody deleted it")
        ERASED = "erased", pgettext_lazy("export file", "somebody in it was erased")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    segment = models.ForeignKey("segments.Segment", on_delete=models.CASCADE, verbose_name=_("segment"))
    purpose = models.ForeignKey("consent.Purpose", on_delete=models.PROTECT, verbose_name=_("purpose"), db_index=False)
    channel = models.ForeignKey(
        "consent.ContactChannel", on_delete=models.PROTECT, verbose_name=_("contact channel"), db_index=False
    )
    format = models.CharField(_("format"), max_length=7)
    columns: Any = ArrayField(models.CharField(max_length=100), verbose_name=_("columns"))
    # Of each column, as it was when the file was asked for: its type, and whether it holds lists.
    kinds: models.JSONField[Any, Any] = models.JSONField(_("types of the columns"), null=True)
    once = models.BooleanField(_("each address once"), default=False)
    versions: models.JSONField[Any, Any] = models.JSONField(_("versions"), default=dict)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.WAITING)
    asked_by = models.CharField(_("asked by"), max_length=100)
    asked_at = models.DateTimeField(_("asked"), db_default=Now())
    begun = models.SmallIntegerField(_("begun, and not ended"), default=0)
    percent = models.SmallIntegerField(_("percent"), default=0)
    count = models.IntegerField(_("members"), default=0)
    size = models.BigIntegerField(_("bytes"), default=0)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    left_out = models.IntegerField(_("left out since"), default=0)
    made_at = models.DateTimeField(_("made"), null=True)
    checked_at = models.DateTimeField(_("consent asked last"), null=True)
    ends_at = models.DateTimeField(_("kept until"), null=True)
    failed = models.CharField(_("failed"), max_length=60, blank=True)
    why_gone = models.CharField(_("why it is gone"), max_length=7, choices=Why, blank=True)

    class Meta:
        verbose_name = _("export file")
        verbose_name_plural = _("export files")
        indexes = [models.Index(fields=["asked_by", "-id"], name="segments_exportjob_mine")]

    def __str__(self) -> str:
        return f"{self.segment} · {self.channel_id} · {self.asked_at:%Y-%m-%d}"


class ExportPart(models.Model):
    """Lines of a file that were asked about together, at one moment; `members` in their order."""

    job = models.ForeignKey(ExportJob, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.IntegerField(_("number"))
    at = models.DateTimeField(_("consent asked"))
    members: Any = ArrayField(models.UUIDField(), verbose_name=_("members"))
    sealed = models.BinaryField()

    class Meta:
        verbose_name = _("part of an export file")
        verbose_name_plural = _("parts of export files")
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="segments_exportpart_number")]

    def __str__(self) -> str:
        return str(self.number)
