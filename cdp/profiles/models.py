"""The golden record and what hangs on it."""

from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cdp.core.types import uuid7


class Golden(models.Model):
    """A projection of a profile: coarse clear traits, and for each attribute which record won and why.

    `traits` is flat JSON: numbers, booleans, strings; dates `YYYY-MM-DD`; moments ISO 8601 in UTC with microseconds and `Z`.
    `lineage` is {attribute: {"record": id, "at": event time, "why": rule}}; personal values are read through it. `computed`
    is the part of `traits` that definitions of ours say: a projection of the records leaves it as it is.
    """

    profile = models.OneToOneField(
        "identity.Profile", on_delete=models.CASCADE, primary_key=True, related_name="golden"
    )
    traits: models.JSONField[Any, Any] = models.JSONField(_("traits"), default=dict)
    computed: models.JSONField[Any, Any] = models.JSONField(_("computed traits"), default=dict, db_default={})
    lineage: models.JSONField[Any, Any] = models.JSONField(_("lineage"), default=dict)
    updated_at = models.DateTimeField(_("updated"), db_default=Now())

    class Meta:
        verbose_name = _("golden record")
        verbose_name_plural = _("golden records")
        permissions = [("unmask_golden", _("Can see personal values"))]

    def __str__(self) -> str:
        return str(self.profile_id)


class ContactPoint(models.Model):
    """An address at which a record's person may be reached; an opt-out that names it binds every record that holds it."""

    record = models.ForeignKey(
        "identity.Record", on_delete=models.CASCADE, related_name="contact_points", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=10)
    digest = models.BinaryField(max_length=32)
    usable = models.BooleanField(_("usable"), default=True)
    reason = models.CharField(_("why not usable"), max_length=40, blank=True)
    valid_from = models.DateTimeField(_("valid from"))
    valid_to = models.DateTimeField(_("valid to"), null=True)

    class Meta:
        verbose_name = _("contact point")
        verbose_name_plural = _("contact points")
        constraints = [models.UniqueConstraint(fields=["record", "kind", "digest"], name="profiles_contact_once")]
        indexes = [models.Index(fields=["digest"], name="profiles_contact_digest")]

    def __str__(self) -> str:
        return self.kind


class Minor(models.Model):
    """The month in which somebody was born who was a minor when we first met: what they agreed to as a child needs a
    guardian's consent."""

    profile = models.OneToOneField("identity.Profile", on_delete=models.CASCADE, primary_key=True, related_name="+")
    born = models.DateField(_("born in the month of"))

    class Meta:
        verbose_name = _("minor")
        verbose_name_plural = _("minors")

    def __str__(self) -> str:
        return str(self.profile_id)


class TraitPeriod(models.Model):
    """What a chosen trait was, from when to when, and when we learned it."""

    profile = models.ForeignKey("identity.Profile", on_delete=models.CASCADE)
    trait = models.CharField(_("trait"), max_length=60)
    value: models.JSONField[Any, Any] = models.JSONField(_("value"), null=True)
    valid_from = models.DateTimeField(_("valid from"))
    valid_to = models.DateTimeField(_("valid to"), null=True)
    received_at = models.DateTimeField(_("received"), db_default=Now())

    class Meta:
        verbose_name = _("trait period")
        verbose_name_plural = _("trait periods")
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "trait"], condition=models.Q(valid_to=None), name="profiles_trait_current"
            )
        ]

    def __str__(self) -> str:
        return self.trait


class Group(models.Model):
    """A household, a company, a loan: its external id sealed in the events that name it, here by digest."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=20)
    digest = models.BinaryField(max_length=32)
    traits: models.JSONField[Any, Any] = models.JSONField(_("traits"), default=dict)

    class Meta:
        verbose_name = _("group")
        verbose_name_plural = _("groups")
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="profiles_group_once")]

    def __str__(self) -> str:
        return self.kind


class GroupMember(models.Model):
    """A record's part in a group."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    record = models.ForeignKey("identity.Record", on_delete=models.CASCADE)
    role = models.CharField(_("role"), max_length=30, blank=True)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("group member")
        verbose_name_plural = _("group members")
        constraints = [models.UniqueConstraint(fields=["group", "record"], name="profiles_member_once")]

    def __str__(self) -> str:
        return f"{self.group} {self.role}"
