"""Where members are sent: destinations, the segments sent there, whom each knows of, and every delivery."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from cdp.core.types import uuid7


class Destination(models.Model):
    """Whoever is sent members: a processor that works for us, or a recipient to whom data is given by name and country.

    `sealed` are its signing secrets, the newest first, under a data key of its own (record = the id). After failures it
    is left alone until `resume_at`, whatever waits for it.
    """

    class Role(models.TextChoices):
        PROCESSOR = "processor", pgettext_lazy("of data", "processor")
        RECIPIENT = "recipient", pgettext_lazy("of data", "recipient")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100, unique=True)
    kind = models.CharField(pgettext_lazy("of a destination", "kind"), max_length=20, default="webhook")
    address = models.CharField(pgettext_lazy("of a destination", "address"), max_length=500)
    role = models.CharField(_("role"), max_length=9, choices=Role, default=Role.PROCESSOR)
    recipient = models.CharField(_("company"), max_length=100)
    country = models.CharField(_("country"), max_length=2)
    purpose = models.ForeignKey("consent.Purpose", on_delete=models.PROTECT, verbose_name=_("purpose"))
    channel = models.ForeignKey(
        "consent.ContactChannel", on_delete=models.PROTECT, verbose_name=_("contact channel"), db_index=False
    )
    brand = models.SlugField(_("brand"), max_length=40, blank=True, db_index=False)
    sealed = models.BinaryField()
    enabled = models.BooleanField(_("enabled"), default=True)
    failures = models.SmallIntegerField(_("failures in a row"), default=0)
    resume_at = models.DateTimeField(_("left alone until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("destination")
        verbose_name_plural = _("destinations")
        ordering = ["name"]
        permissions = [("use_destination", _("Can send segments to destination"))]

    def __str__(self) -> str:
        return self.name


class DestinationUserPermission(UserObjectPermissionBase):
    content_object = models.ForeignKey(Destination, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        abstract = False
        verbose_name = _("destination permission of a user")
        verbose_name_plural = _("destination permissions of users")


class DestinationGroupPermission(GroupObjectPermissionBase):
    content_object = models.ForeignKey(Destination, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        abstract = False
        verbose_name = _("destination permission of a group")
        verbose_name_plural = _("destination permissions of groups")


class Subscription(models.Model):
    """A segment that is sent to a destination. Comings and goings up to the number `since` are laid out as deliveries.
    `contacts`: whoever enters is told of with a contact value, as another person approved, as long as the segment and all
    that it builds on have the `versions` of that approval.

    Once it has ended, whoever was told of is told of as having left.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    destination = models.ForeignKey(
        Destination,
        on_delete=models.CASCADE,
        related_name="subscriptions",
        verbose_name=_("destination"),
        db_index=False,
    )
    segment = models.ForeignKey("segments.Segment", on_delete=models.CASCADE, verbose_name=_("segment"))
    since = models.BigIntegerField(_("told up to number"), default=0)
    contacts = models.BooleanField(_("with contact values"), default=False, db_default=False)
    versions: models.JSONField[Any, Any] = models.JSONField(_("versions"), default=dict, db_default={})
    begun_at = models.DateTimeField(_("begun"), db_default=Now())
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("segment sent")
        verbose_name_plural = _("segments sent")
        constraints = [models.UniqueConstraint(fields=["destination", "segment"], name="segments_subscription_once")]

    def __str__(self) -> str:
        return f"{self.segment_id} → {self.destination_id}"


class Told(models.Model):
    """A profile that a destination was told of, or may have been; `inside`: and not yet that it left."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, verbose_name=_("segment sent"), db_index=False
    )
    profile = models.UUIDField(_("profile"))
    inside = models.BooleanField(_("inside"), default=True)
    since = models.DateTimeField(_("since"), db_default=Now())

    class Meta:
        verbose_name = _("profile told of")
        verbose_name_plural = _("profiles told of")
        constraints = [models.UniqueConstraint(fields=["subscription", "profile"], name="segments_told_once")]
        indexes = [models.Index(fields=["profile"], name="segments_told_profile")]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.profile}"


class Delivery(models.Model):
    """One message to a destination, tried until it is confirmed or dead; its id is the message's at every try.

    What it says of its `profiles` is made at each try, by what holds then; confirmed it forgets them. A tombstone knows
    by keyed `digests` of their records whose erasure waits for it.
    """

    class Kind(models.TextChoices):
        CHANGES = "changes", pgettext_lazy("delivery", "comings and goings")
        ERASED = "erased", pgettext_lazy("delivery", "erasure")

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("delivery", "waiting")
        CONFIRMED = "confirmed", pgettext_lazy("delivery", "confirmed")
        DEAD = "dead", pgettext_lazy("delivery", "given up")
        EXCEPTED = "excepted", pgettext_lazy("delivery", "excepted")

    class Ground(models.TextChoices):
        CLOSED = "closed", _("The company exists no more")
        DELETED = "deleted", _("It holds no data of ours any more")
        TOLD = "told", _("It was told, and has confirmed, in another way")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, related_name="deliveries", verbose_name=_("destination")
    )
    subscription = models.ForeignKey(
        Subscription,
        on_delete=models.CASCADE,
        null=True,
        related_name="deliveries",
        verbose_name=_("segment sent"),
        db_index=False,
    )
    kind = models.CharField(pgettext_lazy("of a delivery", "kind"), max_length=7, choices=Kind, default=Kind.CHANGES)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.WAITING)
    profiles = ArrayField(models.UUIDField(), verbose_name=_("profiles"), default=list)
    digests = ArrayField(models.BinaryField(max_length=32), default=list)
    tries = models.SmallIntegerField(_("tries"), default=0)
    next_at = models.DateTimeField(_("next try"), db_default=Now())
    failed = models.CharField(_("failed"), max_length=60, blank=True, default="")
    entered = models.IntegerField(_("entered"), default=0)
    left = models.IntegerField(pgettext_lazy("of members", "left"), default=0)
    withheld = models.IntegerField(_("withheld for want of consent"), default=0)
    excepted_for = models.CharField(_("excepted because"), max_length=10, choices=Ground, blank=True, default="")
    created_at = models.DateTimeField(_("created"), db_default=Now())
    closed_at = models.DateTimeField(_("closed"), null=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        permissions = [("except_delivery", _("Can except a destination from an erasure"))]
        indexes = [
            models.Index(
                fields=["destination", "id"], condition=models.Q(state="waiting"), name="segments_delivery_waiting"
            ),
            models.Index(fields=["created_at"], condition=models.Q(kind="erased"), name="segments_delivery_erased"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.get_state_display()}"
