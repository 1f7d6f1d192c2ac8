"""What stewards are asked, and what they said: review cases, how they were drawn, verdicts."""

from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.types import uuid7


class ReviewCase(models.Model):
    """Two records a steward should look at: likely but not sure, joined by evidence that a constraint refused, all that
    holds a profile together, or drawn at random to measure quality.

    `priority` orders the queue (`identity.review`). Drawn cases name their `stratum`, the `run` that drew them and the
    probability (`inclusion`) with which it did: estimates weigh each by its inverse. They are judged blind. A case is
    covered while another asks about the same two profiles.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("review case", "open")
        SAME = "same", _("same person")
        DIFFERENT = "different", _("different people")
        UNDECIDED = "undecided", pgettext_lazy("review case", "undecided")
        OBSOLETE = "obsolete", pgettext_lazy("review case", "obsolete")
        COVERED = "covered", pgettext_lazy("review case", "asked by another case")

    class Stratum(models.TextChoices):
        NONE = "", pgettext_lazy("review case", "not drawn")
        MERGE = "merge", _("automatic merges")
        NEAR_MISS = "near miss", _("near misses")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    left = models.UUIDField()
    right = models.UUIDField()
    reason = models.CharField(_("reason"), max_length=40)
    weight = models.FloatField(_("match weight"), default=0)
    levels: models.JSONField[Any, Any] = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=100, blank=True)
    priority = models.FloatField(_("priority"), default=0, db_default=0)
    assignee = models.CharField(_("assigned to"), max_length=100, blank=True, default="", db_default="")
    assigned_at = models.DateTimeField(_("assigned"), null=True, blank=True)
    stratum = models.CharField(_("drawn from"), max_length=9, choices=Stratum, blank=True, default="", db_default="")
    inclusion = models.FloatField(_("probability of being drawn"), null=True, blank=True)
    run = models.UUIDField(null=True, blank=True)

    class Meta:
        verbose_name = _("review case")
        verbose_name_plural = _("review cases")
        constraints = [models.UniqueConstraint(fields=["left", "right"], name="identity_case_once")]
        indexes = [
            models.Index(fields=["right"], name="identity_case_right"),
            models.Index(fields=["-priority", "id"], condition=Q(state="open"), name="identity_case_queue"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def blind(self) -> bool:
        """Whether its answer is still to be measured: who judges it must not know what the model made of it."""
        return self.state == self.State.OPEN and self.stratum != self.Stratum.NONE


class Sample(models.Model):
    """How many pairs a run drew for stewards out of how many: also those that turned out to be no case of their stratum
    are known by it, so that totals can be estimated."""

    run = models.UUIDField()
    stratum = models.CharField(_("drawn from"), max_length=9, choices=ReviewCase.Stratum)
    pairs = models.PositiveBigIntegerField(_("pairs"))
    drawn = models.PositiveIntegerField(_("drawn"))
    at = models.DateTimeField(_("when"), db_default=TransactionNow())

    class Meta:
        verbose_name = _("random sample")
        verbose_name_plural = _("random samples")
        constraints = [models.UniqueConstraint(fields=["run", "stratum"], name="identity_sample_once")]

    def __str__(self) -> str:
        return f"{self.get_stratum_display()}: {self.drawn} / {self.pairs}"


class Verdict(models.Model):
    """One steward's word on a review case, never changed: the newest counts, "not sure" asks a second steward."""

    class Word(models.TextChoices):
        SAME = "same", _("same person")
        DIFFERENT = "different", _("different people")
        NOT_SURE = "not_sure", pgettext_lazy("verdict", "not sure")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(
        ReviewCase, on_delete=models.CASCADE, related_name="verdicts", verbose_name=_("review case")
    )
    word = models.CharField(_("verdict"), max_length=9, choices=Word)
    actor = models.CharField(_("actor"), max_length=100)
    at = models.DateTimeField(_("when"), db_default=Now())

    class Meta:
        verbose_name = _("verdict")
        verbose_name_plural = _("verdicts")
        indexes = [models.Index(fields=["actor", "at"], name="identity_verdict_actor")]

    def __str__(self) -> str:
        return str(self.get_word_display())
