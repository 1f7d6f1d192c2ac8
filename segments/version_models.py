"""What a segment meant when, who wrote it, and who approved it."""

from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.types import uuid7


class Version(models.Model):
    """One meaning of a segment: written, reviewed by another person, published, or refused."""

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("segment", "draft")
        REVIEW = "review", pgettext_lazy("segment", "in review")
        PUBLISHED = "published", pgettext_lazy("segment", "published")
        REFUSED = "refused", pgettext_lazy("segment", "refused")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    segment = models.ForeignKey(
        "segments.Segment", on_delete=models.CASCADE, related_name="versions", verbose_name=_("segment"), db_index=False
    )
    number = models.IntegerField(_("version"))
    definition: models.JSONField[Any, Any] = models.JSONField(_("definition"))
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.DRAFT)
    note = models.CharField(_("why"), max_length=200, blank=True)
    written_by = models.CharField(_("written by"), max_length=100)
    written_at = models.DateTimeField(_("written"), db_default=Now())
    decided_by = models.CharField(_("decided by"), max_length=100, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)

    class Meta:
        verbose_name = _("segment version")
        verbose_name_plural = _("segment versions")
        constraints = [models.UniqueConstraint(fields=["segment", "number"], name="segments_version_once")]

    def __str__(self) -> str:
        return f"{self.segment} {self.number}"
