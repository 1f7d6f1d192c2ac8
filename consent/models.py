"""May we: purposes, the ledger, the state it adds up to, suppression, requests."""

import hashlib
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from cdp.core.types import uuid7
from consent import grounds
from consent import request_models as request_models
from consent.types import CONTACT_CHANNELS


def _name(row: Any) -> str:
    """The name in the reader's language."""
    return str(row.name_ko if (get_language() or "").startswith("ko") else row.name_en)


class Regime(models.Model):
    """What a law asks of consent, as settings that an officer changes; empty is what it does not ask.

    `night_from` to `night_to` in `zone` needs a consent of its own (the first moment is night, the last is not). A grant is
    confirmed again every `reconfirm_years`, and ends `expires_months` after it was given. The result of giving, refusing
    or withdrawing is told within `result_days`. Below `guardian_under` years a guardian consents. Whoever was not seen for
    `dormant_months` is dormant, where the controller has announced such a policy. How long a privacy request may take, see
    `consent.clocks`.
    """

    key = models.SlugField(_("key"), primary_key=True, max_length=20)
    name_ko = models.CharField(_("name in Korean"), max_length=100)
    name_en = models.CharField(_("name in English"), max_length=100)
    zone = models.CharField(_("time zone"), max_length=50, default="Asia/Seoul")
    night_from = models.TimeField(_("night from"), null=True, blank=True)
    night_to = models.TimeField(_("night to"), null=True, blank=True)
    reconfirm_years = models.SmallIntegerField(_("re-confirmed every … years"), null=True, blank=True)
    unconfirmed_lapses = models.BooleanField(_("ends where not re-confirmed"), default=False)
    expires_months = models.SmallIntegerField(_("ends after … months"), null=True, blank=True)
    result_days = models.SmallIntegerField(_("result told within … days"), null=True, blank=True)
    guardian_under = models.SmallIntegerField(_("a guardian consents under … years"), null=True, blank=True)
    dormant_months = models.SmallIntegerField(_("dormant after … months"), null=True, blank=True)
    answer_months = models.PositiveSmallIntegerField(_("requests answered within … months"), null=True, blank=True)
    answer_days = models.PositiveSmallIntegerField(_("… and days"), null=True, blank=True)
    answer_rolls = models.BooleanField(_("an end on a closed day rolls forward"), default=False, db_default=False)
    extension_months = models.PositiveSmallIntegerField(_("put off by … months"), null=True, blank=True)
    extension_days = models.PositiveSmallIntegerField(_("or days"), null=True, blank=True)

    class Meta:
        verbose_name = _("regime")
        verbose_name_plural = _("regimes")

    def __str__(self) -> str:
        return _name(self)


class ContactChannel(models.Model):
    """How a person is reached. `point` is the kind of contact point it needs; `night_rule` asks a consent of its own at
    night; `also` names a purpose that must be allowed besides, whatever is sent."""

    key = models.SlugField(_("key"), primary_key=True, max_length=20)
    point = models.CharField(_("contact point"), max_length=10, blank=True)
    night_rule = models.BooleanField(_("night rule"), default=False)
    also = models.ForeignKey(
        "consent.Purpose", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("also needs the purpose"),
        related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("contact channel")
        verbose_name_plural = _("contact channels")

    def __str__(self) -> str:
        return str(CONTACT_CHANNELS.get(self.key, self.key))


class Purpose(models.Model):
    """What data is used for, on which legal basis and under which regime, and which data classes it may use.

    `tcf` are the purposes of the Transparency and Consent Framework that all must be consented to for it; `heeds_gpc`:
    a browser's Global Privacy Control objects to it.
    """

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
    regime = models.ForeignKey(
        Regime, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("regime"), db_index=False
    )
    tcf = ArrayField(models.SmallIntegerField(), verbose_name=_("TCF purposes"), default=list, blank=True)
    heeds_gpc = models.BooleanField(_("heeds Global Privacy Control"), default=False)

    class Meta:
        verbose_name = _("purpose")
        verbose_name_plural = _("purposes")

    def __str__(self) -> str:
        return _name(self)


class Category(models.Model):
    """What a consent platform calls a purpose (and contact channel) of ours; without a source, in every source."""

    source = models.ForeignKey(
        "events.Source", on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("source"), related_name="+"
    )
    name = models.CharField(_("category"), max_length=100)
    purpose = models.ForeignKey(Purpose, on_delete=models.CASCADE, verbose_name=_("purpose"), related_name="+")
    channel = models.ForeignKey(
        ContactChannel, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("contact channel"),
        related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("consent category")
        verbose_name_plural = _("consent categories")
        constraints = [
            models.UniqueConstraint(
                fields=["source", "name", "purpose", "channel"], name="consent_category_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """The text a person agreed to, by version and language; append-only: a new text is a new version."""

    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, verbose_name=_("purpose"))
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

    @property
    def sha256(self) -> str:
        """The digest of the text, which a receipt carries."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class ConsentRecord(models.Model):
    """One line of the ledger, append-only: the database refuses to change it.

    It names the person by `subject`, the random id of the record's data key, or, for an opt-out that only names a number or
    address, nobody but `contact`, that value's digest. `key` makes writing it again harmless. `guardian` says how a
    guardian's consent was confirmed, where a guardian gave it; `proof` holds the evidence.
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
    guardian = models.CharField(_("guardian confirmed by"), max_length=30, blank=True, default="", db_default="")
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
            models.Index(fields=["subject"], name="consent_ledger_signal", condition=models.Q(method="gpc")),
            models.Index(
                fields=["purpose", "recipient", "country"],
                name="consent_ledger_recipient",
                condition=models.Q(recipient__gt=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} · {self.channel or '*'} · {self.get_state_display()}"


class ResultNotice(models.Model):
    """That a person is owed word of what became of a consent given, refused or withdrawn; flagged once when late."""

    line = models.OneToOneField(ConsentRecord, on_delete=models.PROTECT, verbose_name=_("consent record"))
    due_on = models.DateField(_("due"))
    sent_at = models.DateTimeField(_("sent"), null=True)
    contact_channel = models.CharField(_("contact channel"), max_length=20, blank=True, default="")
    flagged_at = models.DateTimeField(_("flagged as late"), null=True)

    class Meta:
        verbose_name = _("notice of a result")
        verbose_name_plural = _("notices of results")
        indexes = [models.Index(fields=["due_on"], name="consent_result_due", condition=models.Q(sent_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.due_on}"


class Effective(models.Model):
    """What the ledger adds up to for a profile: one row a purpose, contact channel and brand ('' = all brands)."""

    # Many rows, written anew by every run: no index that another one begins with, no check that the ledger has made.
    profile = models.ForeignKey("identity.Profile", on_delete=models.CASCADE, db_index=False)
    purpose = models.ForeignKey(
        Purpose, on_delete=models.PROTECT, verbose_name=_("purpose"), db_column="purpose", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    channel = models.ForeignKey(
        ContactChannel, on_delete=models.PROTECT, verbose_name=_("contact channel"), db_column="channel", db_index=False,
        db_constraint=False,
    )  # fmt: skip
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
        return f"{self.purpose} · {self.channel} · {self.get_state_display()}"


class Suppression(models.Model):
    """A value that must not come back, by keyed digest; never retired. Somebody may ask for it to be lifted, and another
    person lifts it."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    kind = models.CharField(_("kind"), max_length=60)
    reason = models.CharField(_("reason"), max_length=60)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    lift_asked_by = models.CharField(_("lift asked by"), max_length=100, blank=True, default="", db_default="")
    lift_asked_at = models.DateTimeField(_("lift asked"), null=True, blank=True)

    class Meta:
        verbose_name = _("suppressed value")
        verbose_name_plural = _("suppression list")

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class PrivacyRequest(models.Model):
    """A person's request and its statutory clock. The steps it went are in the audit log, under its id.

    `reply_to` seals where answers go ({"kind", "value", "language"}), under a data key of its own (record = the id).
    """

    Kind = grounds.Kind

    class State(models.TextChoices):
        RECEIVED = "received", pgettext_lazy("privacy request", "received")
        VERIFIED = "verified", pgettext_lazy("privacy request", "verified")
        APPROVED = "approved", pgettext_lazy("privacy request", "approved")
        DONE = "done", pgettext_lazy("privacy request", "done")
        REFUSED = "refused", pgettext_lazy("privacy request", "refused")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    regime = models.CharField(_("regime"), max_length=20, default="pipa")
    subject = models.UUIDField(_("subject"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RECEIVED)
    via = models.CharField(_("received by way of"), max_length=8, choices=grounds.Door, default=grounds.Door.CONSOLE)
    received_at = models.DateTimeField(pgettext_lazy("privacy request", "received"), db_default=Now())
    due_on = models.DateField(_("due"))
    details: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    received_by = models.CharField(_("received by"), max_length=100)
    verified_by = models.CharField(_("verified by"), max_length=100, blank=True, default="")
    approved_by = models.CharField(_("approved by"), max_length=100, blank=True)
    extended_from = models.DateField(_("due before it was extended"), null=True, blank=True)
    extended_for = models.CharField(
        _("extended because"), max_length=20, choices=grounds.ExtensionGround, blank=True, default=""
    )
    refused_for = models.CharField(
        _("refused because"), max_length=20, choices=grounds.RefusalGround, blank=True, default=""
    )
    closed_by = models.CharField(_("closed by"), max_length=100, blank=True, default="")
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    reply_to = models.BinaryField(null=True)

    class Meta:
        verbose_name = _("privacy request")
        verbose_name_plural = _("privacy requests")
        indexes = [models.Index(fields=["state", "due_on"], name="consent_request_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.due_on}"


# The tables of a part each, in modules of their own.
from consent.request_models import PackageLink as PackageLink  # noqa: E402
from consent.retention_models import RetentionRule as RetentionRule  # noqa: E402
from consent.retention_models import RetentionRun as RetentionRun  # noqa: E402
