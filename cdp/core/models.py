"""Users, service keys, data keys, the audit log, sequence numbers, watermarks."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_otp.models import Device, ThrottlingMixin

from cdp.core import deeds
from cdp.core.types import local_time, uuid7


class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")


class Authenticator(ThrottlingMixin, Device):  # type: ignore[misc]
    """An account's second factor: one-time codes of an app (RFC 6238). The secret is sealed under a key of the account's own.

    Each code opens once (`last_step` is that of the last one); after wrong ones it waits 1, 2, 4, … seconds.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="authenticator", verbose_name=_("user"))
    confirmed = models.BooleanField(_("confirmed"), default=False)
    sealed = models.BinaryField()
    last_step = models.BigIntegerField(default=-1, editable=False)
    made_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    def __str__(self) -> str:
        return str(self.user)

    def get_throttle_factor(self) -> int:
        return 1


class ServiceKey(models.Model):
    """A downstream tool's bearer key: kept as a digest; it can be bound to one purpose and contact channel."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("prefix"), max_length=16, unique=True)
    digest = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=50), verbose_name=_("scopes"), default=list)
    purpose = models.CharField(_("purpose"), max_length=50, blank=True)
    contact_channel = models.CharField(_("contact channel"), max_length=20, blank=True)
    group = models.ForeignKey(
        "auth.Group", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("group"),
        help_text=_("Only the segments that this group sees; all of them without one."),
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), db_default=Now())
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("service key")
        verbose_name_plural = _("service keys")

    def __str__(self) -> str:
        return self.name


class KeyEncryptionKey(models.Model):
    """Wraps data keys; itself wrapped by a root key of the keyring. Lives in schema `keys`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    root = models.CharField(max_length=50)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    writes = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("key-encryption key")
        verbose_name_plural = _("key-encryption keys")
        constraints = [
            models.UniqueConstraint(fields=["writes"], condition=models.Q(writes=True), name="core_kek_one_writes")
        ]

    def __str__(self) -> str:
        return str(self.id)


class DataKey(models.Model):
    """One record's random key, wrapped. Deleting the row shreds the record. Lives in schema `keys`.

    `id` is random and is what ledger and audit call the person: after erasure nothing leads from it to the record.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    record = models.UUIDField(unique=True)
    kek = models.ForeignKey(KeyEncryptionKey, on_delete=models.PROTECT, db_index=False)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("data key")
        verbose_name_plural = _("data keys")

    def __str__(self) -> str:
        return str(self.id)


class IndexKey(models.Model):
    """An index key of the keyring, by the number of its generation: rows of blind indexes name the generation that made
    them. One is read, at most one more is filled beside it; what is left is on its way out. Lives in schema `keys`."""

    class State(models.TextChoices):
        READ = "read", pgettext_lazy("index key", "in use")
        FILLED = "filled", pgettext_lazy("index key", "being filled")
        LEFT = "left", pgettext_lazy("index key", "replaced")

    generation = models.SmallIntegerField(_("generation"), primary_key=True)
    key = models.CharField(_("index key"), max_length=50, unique=True)
    proof = models.BinaryField(max_length=32)
    state = models.CharField(_("state"), max_length=6, choices=State)
    # Up to which record it is filled, or what it left is deleted.
    position = models.UUIDField(null=True)
    made_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("index key")
        verbose_name_plural = _("index keys")
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state__in=("read", "filled")), name="core_indexkey_one_a_state"
            )
        ]

    def __str__(self) -> str:
        return self.key


class KeyProof(models.Model):
    """A keyed digest of a key's own name, by which a keyring proves that it is this database's. Lives in schema `keys`."""

    name = models.CharField(_("key"), primary_key=True, max_length=60)
    proof = models.BinaryField(max_length=32)
    made_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("proof of a key")
        verbose_name_plural = _("proofs of keys")

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """Append-only: who did what to which subject, by opaque ids and field names only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(_("when"), db_default=Now())
    actor = models.CharField(_("actor"), max_length=100)
    action = models.CharField(_("action"), max_length=60)
    subject = models.UUIDField(_("subject"), null=True, blank=True)
    target = models.CharField(_("target"), max_length=100, blank=True)
    purpose = models.CharField(_("purpose"), max_length=50, blank=True)
    details: models.JSONField[Any, Any] = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [models.Index(fields=["subject", "at"], name="core_audit_subject")]

    def __str__(self) -> str:
        return f"{deeds.told(self.action)} {local_time(self.at)}"


class Disclosure(models.Model):
    """Append-only: whom one reading told of, by profiles and by subjects. Its audit row names it, with a digest."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    profiles = ArrayField(models.UUIDField(), verbose_name=_("profiles"), default=list)
    subjects = ArrayField(models.UUIDField(), verbose_name=_("subjects"), default=list)

    class Meta:
        verbose_name = _("disclosure")
        verbose_name_plural = _("disclosures")

    def __str__(self) -> str:
        return str(self.id)


class Unnumbered(models.Model):
    """Rows of numbered streams that have no sequence number yet; filled by triggers in the writer's transaction."""

    stream = models.CharField(max_length=30)
    row = models.UUIDField()

    class Meta:
        verbose_name = _("unnumbered row")
        verbose_name_plural = _("unnumbered rows")
        indexes = [models.Index(fields=["stream", "id"], name="core_unnumbered_stream")]

    def __str__(self) -> str:
        return f"{self.stream} {self.row}"


class Sequence(models.Model):
    """The number of a committed row within its stream, in commit order; for the audit, also its hash chain."""

    stream = models.CharField(max_length=30)
    seq = models.BigIntegerField()
    row = models.UUIDField()
    hash = models.BinaryField(null=True)

    class Meta:
        verbose_name = _("sequence number")
        verbose_name_plural = _("sequence numbers")
        constraints = [
            models.UniqueConstraint(fields=["stream", "seq"], name="core_sequence_number"),
            models.UniqueConstraint(fields=["stream", "row"], name="core_sequence_row"),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.seq}"


class Watermark(models.Model):
    """How far a stage has come: all rows of transactions below (`txid`, `row`) are done, on this very database."""

    stage = models.CharField(primary_key=True, max_length=40)
    system_identifier = models.CharField(max_length=30)
    txid = models.BigIntegerField(default=0)
    row = models.UUIDField(null=True)
    moved_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("watermark")
        verbose_name_plural = _("watermarks")

    def __str__(self) -> str:
        return self.stage


class Touched(models.Model):
    """A record or profile that an action changed, waiting for the stage that must look at it."""

    stage = models.CharField(_("stage"), max_length=20)
    subject = models.UUIDField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("touched row")
        verbose_name_plural = _("touched rows")
        indexes = [
            models.Index(fields=["stage", "id"], name="core_touched_stage"),
            models.Index(fields=["stage", "subject"], name="core_touched_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.subject}"


class Counter(models.Model):
    """What was taken, repeated or refused, by day, source and reason: refused is never silent."""

    day = models.DateField(_("day"))
    source = models.UUIDField(_("source"), null=True)
    kind = models.CharField(_("kind"), max_length=40)
    count = models.BigIntegerField(_("count"), default=0)

    class Meta:
        verbose_name = _("counter")
        verbose_name_plural = _("counters")
        constraints = [
            models.UniqueConstraint(fields=["day", "source", "kind"], name="core_counter_once", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.kind}"
