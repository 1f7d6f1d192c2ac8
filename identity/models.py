"""Who is it: records, their identifiers, links between them, profiles, review cases, models."""

from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.types import local_time, uuid7
from identity.review_models import ReviewCase as ReviewCase
from identity.review_models import Sample as Sample
from identity.review_models import Verdict as Verdict
from identity.types import APART, Reason, Shared, Wish


class Profile(models.Model):
    """A set of records. A merged profile redirects, always straight to a live one."""

    class State(models.TextChoices):
        LIVE = "live", pgettext_lazy("profile", "live")
        MERGED = "merged", pgettext_lazy("profile", "merged")
        ERASED = "erased", pgettext_lazy("profile", "erased")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.LIVE, db_default=State.LIVE.value)
    redirect = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged_from")
    pinned = models.BooleanField(_("pinned"), default=False, db_default=False)
    created_at = models.DateTimeField(_("created"), db_default=TransactionNow())
    changed_at = models.DateTimeField(_("changed"), db_default=TransactionNow())

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        constraints = [
            models.CheckConstraint(
                condition=Q(state="merged", redirect__isnull=False) | ~Q(state="merged"),
                name="identity_profile_redirects",
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Record(models.Model):
    """One source's view of one person: (source, kind, external id); a fold of its events.

    `attributes` seals {"external_id": …, "values": {attribute: [[value, event time, message id], … newest first]},
    "identifiers": {kind: {normalised value: [first seen, last seen]}}}; `cleaned` what linkage compares, see
    `identity.cleaning`; `traits` is {name: [value, event time, message id]}. Times are ISO 8601 in UTC.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    source = models.ForeignKey("events.Source", on_delete=models.PROTECT, verbose_name=_("source"))
    kind = models.CharField(_("kind"), max_length=12)
    leaf = models.BooleanField(_("leaf"), default=False)
    profile = models.ForeignKey(
        Profile, on_delete=models.PROTECT, null=True, related_name="records", verbose_name=_("profile")
    )
    attributes = models.BinaryField(null=True)
    cleaned = models.BinaryField(null=True)
    traits: models.JSONField[Any, Any] = models.JSONField(_("clear traits"), default=dict)
    version = models.BigIntegerField(default=0)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        indexes = [models.Index(fields=["first_seen"], name="identity_record_first_seen")]

    def __str__(self) -> str:
        return str(self.id)


class Identifier(models.Model):
    """A value by which a record can be found, as a blind index, with the period in which it was seen."""

    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="identifiers", db_index=False)
    kind = models.CharField(_("kind"), max_length=60)
    digest = models.BinaryField(max_length=32)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    generation = models.SmallIntegerField(_("generation of the index key"), default=1, db_default=1)

    class Meta:
        verbose_name = _("identifier")
        verbose_name_plural = _("identifiers")
        constraints = [models.UniqueConstraint(fields=["record", "kind", "digest"], name="identity_identifier_once")]
        indexes = [models.Index(fields=["digest", "kind"], name="identity_identifier_digest")]

    def __str__(self) -> str:
        return self.kind


class BlockedValue(models.Model):
    """An identifier value that links nobody: a call centre's own number, a cashier's card."""

    kind = models.CharField(_("kind"), max_length=60)
    digest = models.BinaryField(max_length=32)
    reason = models.CharField(_("reason"), max_length=200)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    generation = models.SmallIntegerField(_("generation of the index key"), default=1, db_default=1)

    class Meta:
        verbose_name = _("blocked value")
        verbose_name_plural = _("blocked values")
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="identity_blocked_once")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class BlockingKey(models.Model):
    """A keyed digest of what a person's record must share with another to be compared with it; its last six bits are the
    number of the blocking rule."""

    pk = models.CompositePrimaryKey("key", "record")
    key = models.BigIntegerField()
    record = models.UUIDField()

    class Meta:
        verbose_name = _("blocking key")
        verbose_name_plural = _("blocking keys")
        indexes = [models.Index(fields=["record"], name="identity_blockingkey_record")]

    def __str__(self) -> str:
        return str(self.record)


class Claim(models.Model):
    """A record that named a leaf (anonymous, device, receipt); the earliest claim owns the leaf."""

    leaf = models.UUIDField()
    record = models.UUIDField()
    at = models.DateTimeField()
    message_id = models.TextField()

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        constraints = [models.UniqueConstraint(fields=["leaf", "record"], name="identity_claim_once")]
        indexes = [models.Index(fields=["record"], name="identity_claim_record")]

    def __str__(self) -> str:
        return f"{self.leaf} ← {self.record}"


class LinkageModel(models.Model):
    """A trained model, everything it decides with frozen: m, u, term frequencies, stop keys, thresholds.

    `parameters` is sealed (record = the model's id): it holds digests of frequent names and places.
    """

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("model", "draft")
        LIVE = "live", pgettext_lazy("model", "live")
        RETIRED = "retired", pgettext_lazy("model", "retired")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.CharField(_("version"), max_length=60)
    parameters = models.BinaryField()
    report: models.JSONField[Any, Any] = models.JSONField(_("report"), default=dict)
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.DRAFT)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("linkage model")
        verbose_name_plural = _("linkage models")
        permissions = [("promote_linkagemodel", _("Can try and promote linkage models"))]

    def __str__(self) -> str:
        return self.version


class ModelRequest(models.Model):
    """Somebody asked for a linkage model to be tried or promoted, which takes minutes: a worker does it. `step` is how
    far it has come; `refused` why it was not done: the code of what refused it, or `failed`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    model = models.ForeignKey(LinkageModel, on_delete=models.CASCADE, related_name="requests", verbose_name=_("model"))
    kind = models.CharField(_("what"), max_length=9, choices=Wish)
    actor = models.CharField(_("actor"), max_length=100)
    asked_at = models.DateTimeField(_("asked"), db_default=Now())
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    step = models.CharField(_("step"), max_length=100, blank=True, default="", db_default="")
    refused = models.CharField(_("refused"), max_length=40, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("model request")
        verbose_name_plural = _("model requests")
        constraints = [
            models.UniqueConstraint(fields=["model"], condition=Q(finished_at=None), name="identity_request")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.model_id}"


class Link(models.Model):
    """Evidence that two records are (or are not) one person; `left` < `right`. Identifier links follow from
    identifiers and are not stored."""

    class Kind(models.TextChoices):
        MUST = "must", _("must link")
        CANNOT = "cannot", _("cannot link")
        PROBABLE = "probable", _("probabilistic")

    left = models.UUIDField()
    right = models.UUIDField()
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    weight = models.FloatField(_("match weight"), default=0)
    levels: models.JSONField[Any, Any] = models.JSONField(_("how they compare"), default=dict)
    model = models.ForeignKey(LinkageModel, on_delete=models.PROTECT, null=True, db_index=False)
    actor = models.CharField(_("actor"), max_length=100, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        constraints = [
            models.UniqueConstraint(fields=["left", "right", "kind"], name="identity_link_once"),
            models.CheckConstraint(condition=Q(left__lt=models.F("right")), name="identity_link_sorted"),
        ]
        indexes = [models.Index(fields=["right"], name="identity_link_right")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.weight:.1f}"


class HouseholdHint(models.Model):
    """Two people may live together: a contact or a home that a record of each holds would have joined them, had not
    something (`reason`) told them apart. `household`: the smallest of all records whom hints connect, directly or
    through the profiles they are in. Derived by clustering."""

    left = models.UUIDField()
    right = models.UUIDField()
    household = models.UUIDField(_("household"))
    shared = models.CharField(_("shared"), max_length=10, choices=Shared)
    reason = models.CharField(_("told apart by"), max_length=40)

    class Meta:
        verbose_name = _("household hint")
        verbose_name_plural = _("household hints")
        constraints = [
            models.UniqueConstraint(fields=["left", "right"], name="identity_hint_once"),
            models.CheckConstraint(condition=Q(left__lt=models.F("right")), name="identity_hint_sorted"),
        ]
        indexes = [models.Index(fields=[name], name=f"identity_hint_{name}") for name in ("right", "household")]

    def __str__(self) -> str:
        return f"{self.get_shared_display()}, {APART.get(self.reason, self.reason)}"


class ResolutionRun(models.Model):
    """One batch run: which model, how many records, what changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    model = models.ForeignKey(LinkageModel, on_delete=models.PROTECT, null=True, verbose_name=_("model"))
    started_at = models.DateTimeField(_("started"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)
    counts: models.JSONField[Any, Any] = models.JSONField(_("counts"), default=dict)
    # Under which version of cleaning and clustering: `identity.resolution.RULES`.
    rules = models.CharField(max_length=20, default="")

    class Meta:
        verbose_name = _("resolution run")
        verbose_name_plural = _("resolution runs")

    def __str__(self) -> str:
        return local_time(self.started_at)


class ProfileChange(models.Model):
    """Append-only and numbered: what happened to a profile's id, with the record sets before, for undoing. Of a row only
    the names of erased records may be taken out."""

    class Kind(models.TextChoices):
        CREATED = "created", pgettext_lazy("profile", "created")
        MERGED = "merged", pgettext_lazy("profile", "merged")
        SPLIT = "split", pgettext_lazy("profile", "split")
        ERASED = "erased", pgettext_lazy("profile", "erased")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    profile = models.UUIDField(_("profile"))
    other = models.UUIDField(_("other profile"), null=True)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    records: models.JSONField[Any, Any] = models.JSONField(default=list)
    run = models.UUIDField(null=True)
    actor = models.CharField(_("actor"), max_length=100)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason, blank=True, default="", db_default="")
    at = models.DateTimeField(_("when"), db_default=TransactionNow())

    class Meta:
        verbose_name = _("profile change")
        verbose_name_plural = _("profile changes")
        indexes = [models.Index(fields=["profile", "at"], name="identity_change_profile")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.profile}"


class Move(models.Model):
    """A record came from one profile to another, in the order of their numbers: how a profile is shown as it was.

    Not kept for a record that had no profile when the one it is in was made: that profile's first change names it.
    """

    record = models.UUIDField(_("record"))
    left = models.UUIDField(_("profile before"), null=True)
    joined = models.UUIDField(_("profile"), null=True)
    run = models.UUIDField(null=True)
    actor = models.CharField(_("actor"), max_length=100)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason, blank=True, default="", db_default="")
    at = models.DateTimeField(_("when"), db_default=TransactionNow())

    class Meta:
        verbose_name = _("move")
        verbose_name_plural = _("moves")
        indexes = [
            models.Index(fields=["record"], name="identity_move_record"),
            models.Index(fields=["left"], name="identity_move_left"),
            models.Index(fields=["joined"], name="identity_move_joined"),
        ]

    def __str__(self) -> str:
        return f"{self.record} → {self.joined}"
