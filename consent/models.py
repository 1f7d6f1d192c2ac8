"""May we: purposes, the ledger, the state it adds up to, suppression, requests."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.types import uuid7


class ContactChannel(models.Model):
    """How a person is reached. `point` is the kind of contact point it needs; `night_rule` asks a consent of its own at night."""

    key = models.SlugField(_("key"), primary_key=True, max_length=20)
    point = models.CharField(_("contact point"), max_length=10, blank=True)
    night_rule = models.BooleanField(_("night rule"), default=False)

    class Meta:
        verbose_name = _("contact channel")
        verbose_name_plural = _("contact channels")

    def __str__(self) -> str:
        return self.key


class Purpose(models.Model):
    """What data is used for, on which legal basis, and which data classes it may use."""

    class Basis(models.TextChoices):
        CONSENT = "consent", _("consent")
        CONTRACT = "contract", _("contract")
        LEGAL = "legal", _("legal obligation")
        INTEREST = "interest", _("legitimate interest")

    key = models.SlugField(_("key"), primary_key=True, max_length=50)
    name_ko = models.CharField(_("name in Korean"), max_length=100)
    name_en = models.CharField(_("name in English"), max_length=100)
    basis = models.CharField(_("legal basis"), max_length=10, choices=Basis, default=Basis.CONSENT)
    required = models.BooleanField(_("required"), default=False)
    data_classes = ArrayField(models.CharField(max_length=10), verbose_name=_("data classes"), default=list)
    reconfirm_years = models.SmallIntegerField(_("re-confirmed every … years"), null=True, blank=True)

    class Meta:
        verbose_name = _("purpose")
        verbose_name_plural = _("purposes")

    def __str__(self) -> str:
        return self.key


class Notice(models.Model):
    """The text a person agreed to, by version and language."""

    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT)
    version = models.CharField(_("version"), max_length=20)
    language = models.CharField(_("language"), max_length=5)
    text = models.TextField(_("text"))
    published_at = models.DateTimeField(_("published"), db_default=Now())

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [models.UniqueConstraint(fields=["purpose", "version", "language"], name="consent_notice_once")]

    def __str__(self) -> str:
        return f"{self.purpose_id} {self.version} {self.language}"


class ConsentRecord(models.Model):
    """One line of the ledger, append-only: the database refuses to change it.

    It names the person by `subject`, the random id of the record's data key, or, for an opt-out that only names a number or
    address, nobody but `contact`, that value's digest. `key` makes writing it again harmless.
    """

    class State(models.TextChoices):
        GRANTED = "granted", _("granted")
        WITHDRAWN = "withdrawn", _("withdrawn")
        REFUSED = "refused", _("refused")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.UUIDField(unique=True, editable=False)
    subject = models.UUIDField(_("subject"), null=True)
    contact = models.BinaryField(max_length=32, null=True)
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, verbose_name=_("purpose"), db_index=False)
    channel = models.ForeignKey(
        ContactChannel, on_delete=models.PROTECT, verbose_name=_("contact channel"), null=True, db_index=False
    )
    brand = models.SlugField(_("brand"), max_length=40, blank=True, db_index=False)
    recipient = models.CharField(_("recipient"), max_length=100, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    basis = models.CharField(_("legal basis"), max_length=10, choices=Purpose.Basis, default=Purpose.Basis.CONSENT)
    notice_version = models.CharField(_("notice version"), max_length=20, blank=True)
    notice_language = models.CharField(_("notice language"), max_length=5, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=State)
    given_at = models.DateTimeField(_("given"))
    received_at = models.DateTimeField(_("received"), db_default=TransactionNow())
    method = models.CharField(_("how"), max_length=30)
    source = models.ForeignKey(
        "events.Source", on_delete=models.PROTECT, null=True, verbose_name=_("source"), db_index=False
    )
    proof = models.BinaryField(null=True)
    expires_at = models.DateTimeField(_("expires"), null=True)
    recorded_by = models.CharField(_("recorded by"), max_length=100)

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = pgettext_lazy("of consents", "ledger")
        indexes = [
            models.Index(fields=["subject", "purpose", "channel", "given_at"], name="consent_ledger_subject"),
            models.Index(fields=["contact"], name="consent_ledger_contact", condition=models.Q(contact__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.purpose_id} {self.channel_id or '*'} {self.state}"


class Effective(models.Model):
    """What the ledger adds up to for a profile: one row a purpose, contact channel and brand ('' = all brands)."""

    # Many rows, written anew by every run: no index that another one begins with, no check that the ledger has made.
    profile = models.ForeignKey("identity.Profile", on_delete=models.CASCADE, db_index=False)
    purpose = models.ForeignKey(
        Purpose, on_delete=models.PROTECT, db_column="purpose", db_index=False, db_constraint=False
    )
    channel = models.ForeignKey(
        ContactChannel, on_delete=models.PROTECT, db_column="channel", db_index=False, db_constraint=False
    )
    brand = models.SlugField(max_length=40, blank=True, default="", db_default="", db_index=False)
    state = models.CharField(_("state"), max_length=9, choices=ConsentRecord.State)
    since = models.DateTimeField(_("since"))
    expires_at = models.DateTimeField(_("expires"), null=True)

    class Meta:
        verbose_name = _("effective consent")
        verbose_name_plural = _("effective consents")
        constraints = [
            models.UniqueConstraint(fields=["profile", "purpose", "channel", "brand"], name="consent_effective_once")
        ]
        indexes = [models.Index(fields=["purpose", "channel", "state"], name="consent_effective_gate")]

    def __str__(self) -> str:
        return f"{self.purpose_id} {self.channel_id} {self.state}"


class Suppression(models.Model):
    """A value that must not come back, by keyed digest; never retired."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    kind = models.CharField(_("kind"), max_length=30)
    reason = models.CharField(_("reason"), max_length=60)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("suppressed value")
        verbose_name_plural = _("suppression list")

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class PrivacyRequest(models.Model):
    """A person's request and its statutory clock."""

    class Kind(models.TextChoices):
        ACCESS = "access", _("access")
        RECTIFICATION = "rectification", _("rectification")
        ERASURE = "erasure", _("erasure")
        RESTRICTION = "restriction", _("restriction")
        PORTABILITY = "portability", _("portability")
        OBJECTION = "objection", _("objection")
        EXPLANATION = "explanation", _("explanation")

    class State(models.TextChoices):
        RECEIVED = "received", pgettext_lazy("privacy request", "received")
        VERIFIED = "verified", pgettext_lazy("privacy request", "verified")
        APPROVED = "approved", pgettext_lazy("privacy request", "approved")
        DONE = "done", pgettext_lazy("privacy request", "done")
        REFUSED = "refused", pgettext_lazy("privacy request", "refused")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    regime = models.CharField(_("regime"), max_length=10, default="pipa")
    subject = models.UUIDField(_("subject"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RECEIVED)
    received_at = models.DateTimeField(_("received"), db_default=Now())
    due_on = models.DateField(_("due"))
    details: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    received_by = models.CharField(_("received by"), max_length=100)
    approved_by = models.CharField(_("approved by"), max_length=100, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("privacy request")
        verbose_name_plural = _("privacy requests")
        indexes = [models.Index(fields=["state", "due_on"], name="consent_request_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.due_on}"
