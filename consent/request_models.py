"""What a privacy request needs beside itself: proofs of an address, notices, links, holds, erasures and what they keep."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.types import uuid7
from consent.grounds import HoldReason, Kind, Told


class Challenge(models.Model):
    """A request of somebody who has yet to prove an address, by a code that is sent there: single-use, soon over.

    `sealed` is {"kind", "value", "language", "code"} under a data key of its own (record = the id), destroyed with the
    row. It is the same whether we know the address or not.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    digest = models.BinaryField(max_length=32)
    sealed = models.BinaryField()
    wrong = models.SmallIntegerField(_("wrong tries"), default=0)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    expires_at = models.DateTimeField(_("expires"))
    handled_at = models.DateTimeField(_("handled"), null=True)
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("address to be proved")
        verbose_name_plural = _("addresses to be proved")
        indexes = [models.Index(fields=["digest", "created_at"], name="consent_challenge_address")]

    def __str__(self) -> str:
        return str(self.id)


class PersonNotice(models.Model):
    """What a person is to be told about their request; its text is made when it is sent to the request's `reply_to`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey("consent.PrivacyRequest", on_delete=models.CASCADE, related_name="notices")
    what = models.CharField(_("what"), max_length=8, choices=Told)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    sent_at = models.DateTimeField(_("sent"), null=True)
    tries = models.SmallIntegerField(_("tries"), default=0)
    failed = models.CharField(_("failed"), max_length=60, blank=True, default="")

    class Meta:
        verbose_name = _("notice to a person")
        verbose_name_plural = _("notices to persons")
        indexes = [models.Index(fields=["id"], condition=models.Q(sent_at=None), name="consent_notice_waiting")]

    def __str__(self) -> str:
        return self.what


class LegalHold(models.Model):
    """Data that must not be destroyed, whoever asks: of the person of `subject`, whatever their records are merged into."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subject = models.UUIDField(_("subject"))
    reason = models.CharField(_("reason"), max_length=20, choices=HoldReason)
    reference = models.CharField(_("file number"), max_length=60, blank=True)
    set_by = models.CharField(_("set by"), max_length=100)
    set_at = models.DateTimeField(_("set"), db_default=Now())
    release_asked_by = models.CharField(_("release asked by"), max_length=100, blank=True, default="")
    released_by = models.CharField(_("released by"), max_length=100, blank=True, default="")
    released_at = models.DateTimeField(_("released"), null=True, blank=True)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        indexes = [models.Index(fields=["subject"], condition=models.Q(released_at=None), name="consent_hold_standing")]

    def __str__(self) -> str:
        return f"{self.reason} {self.reference}".strip()


class Erasure(models.Model):
    """One person's erasure: where it stands, and in the end its certificate.

    `records` are whose data is erased, emptied when it is done; `subjects` the random ids under which ledger and audit go
    on naming somebody; `digests` their identifiers on the suppression list.
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("erasure", "waiting")
        HELD = "held", pgettext_lazy("erasure", "held")
        RUNNING = "running", pgettext_lazy("erasure", "running")
        FAILED = "failed", pgettext_lazy("erasure", "failed, tried again")
        DONE = "done", pgettext_lazy("erasure", "done")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.OneToOneField(
        "consent.PrivacyRequest",
        on_delete=models.PROTECT,
        null=True,
        related_name="erasure",
        verbose_name=_("privacy request"),
    )
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.WAITING)
    records = ArrayField(models.UUIDField(), default=list)
    subjects = ArrayField(models.UUIDField(), default=list)
    digests = ArrayField(models.BinaryField(max_length=32), default=list)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    journaled_at = models.DateTimeField(_("in the journal"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    retry_at = models.DateTimeField(_("next try"), null=True)
    replayed = models.BooleanField(_("after a restore"), default=False)
    certificate: models.JSONField[Any, Any] = models.JSONField(_("certificate"), default=dict)

    class Meta:
        verbose_name = pgettext_lazy("of a person", "erasure")
        verbose_name_plural = pgettext_lazy("of persons", "erasures")
        indexes = [models.Index(fields=["created_at"], condition=~models.Q(state="done"), name="consent_erasure_open")]

    def __str__(self) -> str:
        return f"{self.state} {self.created_at:%Y-%m-%d}"


class ErasureStep(models.Model):
    """One package's part of an erasure: `counts` is table → rows."""

    erasure = models.ForeignKey(Erasure, on_delete=models.CASCADE, related_name="steps", verbose_name=_("erasure"))
    place = models.SmallIntegerField(_("place"))
    hook = models.CharField(_("store"), max_length=60)
    counts: models.JSONField[Any, Any] = models.JSONField(_("counts"), default=dict)
    done_at = models.DateTimeField(_("done"), null=True)
    tries = models.SmallIntegerField(_("failed tries"), default=0)
    failed = models.CharField(_("failed"), max_length=60, blank=True, default="")

    class Meta:
        verbose_name = _("step of an erasure")
        verbose_name_plural = _("steps of erasures")
        constraints = [models.UniqueConstraint(fields=["erasure", "hook"], name="consent_erasurestep_once")]

    def __str__(self) -> str:
        return self.hook


class KeptTransaction(models.Model):
    """What a statute orders to be kept of an erased person's transaction: what identifies that, and nothing of the person."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, related_name="kept", verbose_name=_("erasure"))
    statute = models.CharField(_("statute"), max_length=30)
    brand = models.CharField(_("brand"), max_length=40, blank=True)
    order_id = models.TextField(_("order"))
    name = models.TextField(_("event"))
    occurred_at = models.DateTimeField(_("occurred"))
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    revenue = models.BigIntegerField(_("revenue in minor units"), null=True)
    keep_until = models.DateField(_("kept until"))

    class Meta:
        verbose_name = _("kept transaction")
        verbose_name_plural = _("kept transactions")
        indexes = [models.Index(fields=["keep_until"], name="consent_kept_until")]

    def __str__(self) -> str:
        return f"{self.statute} {self.keep_until}"


class PackageLink(models.Model):
    """A single-use link to an access package. Only the SHA-256 of its 256-bit token is kept; the package itself nowhere:
    it is made when the link is used."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(
        "consent.PrivacyRequest", on_delete=models.CASCADE, related_name="links", verbose_name=_("privacy request")
    )
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    created_by = models.CharField(_("made by"), max_length=100)
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("access link")
        verbose_name_plural = _("access links")

    def __str__(self) -> str:
        return str(self.id)
