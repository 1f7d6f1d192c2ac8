"""Which people: segments, who is in them, and every coming and going."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from cdp.core.types import local_time, uuid7


class Segment(models.Model):
    """A rule and what its members may be used for. The rule's meaning is fixed by `segments.query`."""

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("segment", "draft")
        PUBLISHED = "published", pgettext_lazy("segment", "published")
        ARCHIVED = "archived", pgettext_lazy("segment", "archived")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.SlugField(_("key"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("owner")
    )
    purpose = models.ForeignKey("consent.Purpose", on_delete=models.PROTECT, verbose_name=_("purpose"))
    brand = models.SlugField(_("brand"), max_length=40, blank=True)
    zone = models.CharField(_("time zone"), max_length=50)
    rule: models.JSONField[Any, Any] = models.JSONField(_("rule"))
    exclusions = ArrayField(
        models.SlugField(max_length=60), verbose_name=_("leaves out"), default=list, blank=True,
        help_text=_("Segments whose members are never in this one."),
    )  # fmt: skip
    excluded_everywhere = models.BooleanField(
        _("left out everywhere"), default=False,
        help_text=_("Once published, its members are in no other segment of its brand; without a brand, in no other at all."),
    )  # fmt: skip
    split: models.JSONField[Any, Any] = models.JSONField(
        _("split"), default=dict, blank=True,
        help_text=_("Parts in percent that add up to 100, drawn once for each member. Nobody contacts the part “holdout”."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.DRAFT)
    version = models.IntegerField(_("version"), default=1)
    refresh_minutes = models.IntegerField(_("recomputed every … minutes"), default=60)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    due_at = models.DateTimeField(_("next recompute"), null=True, blank=True)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]
        permissions = [("export_segment", _("Can export segment")), ("publish_segment", _("Can publish segment"))]

    def __str__(self) -> str:
        return self.name


class SegmentUserPermission(UserObjectPermissionBase):
    content_object = models.ForeignKey(Segment, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        abstract = False
        verbose_name = _("segment permission of a user")
        verbose_name_plural = _("segment permissions of users")


class SegmentGroupPermission(GroupObjectPermissionBase):
    content_object = models.ForeignKey(Segment, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        abstract = False
        verbose_name = _("segment permission of a group")
        verbose_name_plural = _("segment permissions of groups")


class ExportRequest(models.Model):
    """Somebody asks to export contact values; another person approves it. It opens one export, for a while; or, where it
    names a destination, that the segment is sent there with them from then on. `versions`: what the segment and all that it
    builds on meant when it was asked for, by their ids; it opens nothing once one of them means something else."""

    class State(models.TextChoices):
        ASKED = "asked", pgettext_lazy("export", "asked for")
        APPROVED = "approved", pgettext_lazy("export", "approved")
        REFUSED = "refused", pgettext_lazy("export", "refused")
        USED = "used", pgettext_lazy("export", "used")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, verbose_name=_("segment"))
    channel = models.ForeignKey("consent.ContactChannel", on_delete=models.PROTECT, verbose_name=_("contact channel"))
    destination = models.ForeignKey(
        "segments.Destination", on_delete=models.PROTECT, verbose_name=_("destination"), null=True, db_index=False
    )
    versions: models.JSONField[Any, Any] = models.JSONField(_("versions"), default=dict, db_default={})
    reason = models.CharField(_("reason"), max_length=200)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ASKED)
    asked_by = models.CharField(_("asked by"), max_length=100)
    asked_at = models.DateTimeField(_("asked"), db_default=Now())
    decided_by = models.CharField(_("decided by"), max_length=100, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("export request")
        verbose_name_plural = _("export requests")
        permissions = [("approve_exportrequest", _("Can approve export request"))]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(decided_by="") | ~models.Q(decided_by=models.F("asked_by")),
                name="segments_exportrequest_two_people",
            )
        ]

    def __str__(self) -> str:
        return f"{self.segment} · {self.channel_id} · {self.asked_at:%Y-%m-%d}"


class ExportRequestUserPermission(UserObjectPermissionBase):
    content_object = models.ForeignKey(ExportRequest, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        abstract = False
        verbose_name = _("export permission of a user")
        verbose_name_plural = _("export permissions of users")


class ExportRequestGroupPermission(GroupObjectPermissionBase):
    content_object = models.ForeignKey(ExportRequest, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        abstract = False
        verbose_name = _("export permission of a group")
        verbose_name_plural = _("export permissions of groups")


class Run(models.Model):
    """One full recompute: when, by which engine, how many, or why not."""

    class State(models.TextChoices):
        RUNNING = "running", pgettext_lazy("run", "running")
        DONE = "done", pgettext_lazy("run", "done")
        FAILED = "failed", pgettext_lazy("run", "failed")
        CANCELLED = "cancelled", pgettext_lazy("run", "cancelled")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="runs", verbose_name=_("segment"))
    version = models.IntegerField(_("version"))
    engine = models.CharField(_("engine"), max_length=12, default="postgresql")
    as_of = models.DateTimeField(_("as of"))
    started_at = models.DateTimeField(_("started"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)
    beat_at = models.DateTimeField(_("last heartbeat"), null=True)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.RUNNING)
    cancelled_by = models.CharField(_("cancelled by"), max_length=100, blank=True)
    members = models.IntegerField(_("members"), null=True)
    entered = models.IntegerField(_("entered"), null=True)
    left = models.IntegerField(pgettext_lazy("of members", "left"), null=True)
    error = models.CharField(_("error"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("segment run")
        verbose_name_plural = _("segment runs")
        indexes = [models.Index(fields=["segment", "-started_at"], name="segments_run_latest")]

    def __str__(self) -> str:
        return f"{self.segment} {local_time(self.started_at)}"


class Membership(models.Model):
    """Who is in a segment now, by its rule alone: consent is asked when members leave the house."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    profile = models.ForeignKey(
        "identity.Profile", on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    entered_at = models.DateTimeField(_("entered"))

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["segment", "profile"], name="segments_membership_once")]
        indexes = [models.Index(fields=["profile"], name="segments_membership_profile")]

    def __str__(self) -> str:
        return f"{self.segment_id} {self.profile_id}"


class Assignment(models.Model):
    """Append-only: the part of a split segment that was drawn for a record. Of those in one profile the first holds."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, verbose_name=_("segment"), db_index=False)
    record = models.UUIDField(_("record"), db_index=True)
    variant = models.CharField(_("part"), max_length=20)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = [models.UniqueConstraint(fields=["segment", "record"], name="segments_assignment_once")]

    def __str__(self) -> str:
        return f"{self.segment_id} {self.variant}"


class Transition(models.Model):
    """Append-only and numbered: a profile came into a segment or left it, and why.

    Those with a purpose and channel are told only to readers bound to them (consent given or withdrawn).
    """

    class Kind(models.TextChoices):
        ENTERED = "entered", pgettext_lazy("a segment", "entered")
        LEFT = "left", pgettext_lazy("a segment", "left")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, verbose_name=_("segment"), db_index=False)
    profile = models.UUIDField(_("profile"))
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    reason = models.CharField(_("reason"), max_length=12)
    purpose = models.CharField(_("purpose"), max_length=50, blank=True)
    channel = models.CharField(_("contact channel"), max_length=20, blank=True)
    at = models.DateTimeField(_("when"), db_default=TransactionNow())

    class Meta:
        verbose_name = _("transition")
        verbose_name_plural = _("transitions")
        indexes = [models.Index(fields=["segment", "profile", "at"], name="segments_transition_history")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.profile}"


# The tables of a part each, in modules of their own.
from segments.destination_models import Delivery as Delivery  # noqa: E402
from segments.destination_models import Destination as Destination  # noqa: E402
from segments.destination_models import DestinationGroupPermission as DestinationGroupPermission  # noqa: E402
from segments.destination_models import DestinationUserPermission as DestinationUserPermission  # noqa: E402
from segments.destination_models import Subscription as Subscription  # noqa: E402
from segments.destination_models import Told as Told  # noqa: E402
from segments.export_models import ExportJob as ExportJob  # noqa: E402
from segments.export_models import ExportPart as ExportPart  # noqa: E402
from segments.list_models import ListEntry as ListEntry  # noqa: E402 - tables of a part of their own
from segments.list_models import UploadedList as UploadedList  # noqa: E402
from segments.trait_models import ComputedTrait as ComputedTrait  # noqa: E402
from segments.version_models import Version as Version  # noqa: E402
