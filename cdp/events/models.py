"""What happened: sources and their keys, events as they came, quarantine, plans, places, products."""

from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import F, Func, UUIDField
from django.db.models.functions import MD5, Cast, Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from cdp.core.types import local_time, uuid7
from cdp.events import quality_models as quality_models
from cdp.events.types import CHANNELS, QUARANTINE_REASONS, VIOLATIONS, DataClass, Remedy
from cdp.events.words import event_word


class CurrentTransaction(Func):
    """The id of the writing transaction, for commit-safe watermarks."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()
    arity = 0


class Channel(models.Model):
    """Where data comes from."""

    key = models.SlugField(_("key"), primary_key=True, max_length=30)

    class Meta:
        verbose_name = pgettext_lazy("of data", "channel")
        verbose_name_plural = pgettext_lazy("of data", "channels")

    def __str__(self) -> str:
        return str(CHANNELS.get(self.key, self.key))


class Source(models.Model):
    """One system that sends records or events. A lower trust rank is trusted more."""

    class Party(models.TextChoices):
        FIRST = "first", _("first party")
        SECOND = "second", _("second party")
        THIRD = "third", _("third party")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.SlugField(_("name"), max_length=60, unique=True)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, verbose_name=pgettext_lazy("of data", "channel"))
    party = models.CharField(_("party"), max_length=6, choices=Party, default=Party.FIRST)
    brand = models.SlugField(_("brand"), max_length=40, blank=True)
    trust_rank = models.SmallIntegerField(_("trust rank"), default=50)
    zone = models.CharField(_("time zone"), max_length=50)
    currency = models.CharField(_("currency"), max_length=3)
    enabled = models.BooleanField(_("enabled"), default=True)
    required_purpose = models.SlugField(
        _("required purpose"), max_length=50, blank=True, default="", db_default="", db_index=False,
        help_text=_("Only of records that allow this purpose is anything collected; what is refused is counted."),
    )  # fmt: skip
    built_in = models.BooleanField(_("built in"), default=False, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SourceUserPermission(UserObjectPermissionBase):
    content_object = models.ForeignKey(Source, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        abstract = False
        verbose_name = _("source permission of a user")
        verbose_name_plural = _("source permissions of users")


class SourceGroupPermission(GroupObjectPermissionBase):
    content_object = models.ForeignKey(Source, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        abstract = False
        verbose_name = _("source permission of a group")
        verbose_name_plural = _("source permissions of groups")


class WriteKey(models.Model):
    """Public by nature (it stands in web pages): it may write events of its source, and never read anything."""

    key = models.CharField(_("key"), primary_key=True, max_length=64)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="write_keys", verbose_name=_("source"))
    enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("write key")
        verbose_name_plural = _("write keys")

    def __str__(self) -> str:
        return f"{self.source} {self.key[:6]}…"


class Event(models.Model):
    """An event as it came. Its clear part is columns and `properties`; its personal part is `sealed`.

    `record` is whose it is (a plain UUID: no look-up at ingestion); `leaves` are the anonymous, device and receipt
    records it names beside that ({kind: record}). The sealed part, under the data key of `record`, is
    {"external_id": …, "leaf_ids": {kind: external id}, "identifiers": {kind: [value, …]}, "attributes": {known attribute:
    text}, "traits": {…}, "properties": {…}, "context": {…}}, absent where empty. `properties` are the clear properties, of
    an identify event its clear traits.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Neither index nor check: the unique index begins with the source, and ingestion has just looked it up.
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, db_constraint=False, verbose_name=_("source"), db_index=False
    )
    message_id = models.TextField(_("message id"))
    type = models.CharField(_("type"), max_length=10)
    name = models.TextField(_("name"))
    record = models.UUIDField(_("record"))
    kind = models.CharField(_("record kind"), max_length=12)
    leaves: models.JSONField[Any, Any] = models.JSONField(_("leaves"), default=dict)
    occurred_at = models.DateTimeField(_("occurred"))
    received_at = models.DateTimeField(_("received"), db_default=TransactionNow())
    sent_at = models.DateTimeField(_("sent"), null=True)
    flags = ArrayField(models.CharField(max_length=30), verbose_name=_("flags"), default=list, db_default=[])
    session = models.TextField(_("session"), null=True)  # noqa: DJ001 - absent is not empty here
    place = models.TextField(_("place"), null=True)  # noqa: DJ001
    campaign = models.TextField(_("campaign"), null=True)  # noqa: DJ001
    account = models.TextField(_("account"), null=True)  # noqa: DJ001
    order_id = models.TextField(_("order"), null=True)  # noqa: DJ001
    brand = models.TextField(_("brand"), db_default="", default="")
    currency = models.CharField(_("currency"), max_length=3, null=True)  # noqa: DJ001
    revenue = models.BigIntegerField(_("revenue in minor units"), null=True)
    properties: models.JSONField[Any, Any] = models.JSONField(_("properties"), default=dict)
    sealed = models.BinaryField(null=True)
    txid = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [
            models.UniqueConstraint(F("source"), Cast(MD5("message_id"), UUIDField()), name="events_event_once")
        ]
        indexes = [
            models.Index(fields=["record", "name", "occurred_at"], name="events_event_record"),
            models.Index(fields=["txid", "id"], name="events_event_txid"),
        ]

    def __str__(self) -> str:
        return f"{event_word(self.name)} {local_time(self.occurred_at)}"


class Mapping(models.Model):
    """How a file was read: which column means what. What of it waits in quarantine can be read again."""

    class Kind(models.TextChoices):
        EVENTS = "events", pgettext_lazy("what a file holds", "events")
        RECORDS = "records", pgettext_lazy("what a file holds", "records of people")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    content: models.JSONField[Any, Any] = models.JSONField(_("content"))
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("mapping of a file")
        verbose_name_plural = _("mappings of files")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {local_time(self.created_at)}"


class Quarantined(models.Model):
    """What arrived and does not fit: sealed under a key of its own (record = its id), mended and replayed later.

    It is kept as it arrived: a row of a file with its mapping and message id, a message with when its request was sent and
    whether the browser objected. What is `unreadable` is not what was sent, and can only be sent again.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, verbose_name=_("source"))
    digest = models.BinaryField(
        max_length=32, help_text="of the message id or canonical content: a repeat is not kept twice"
    )
    received_at = models.DateTimeField(_("received"), db_default=TransactionNow())
    reason = models.CharField(_("reason"), max_length=60)
    place = models.CharField(pgettext_lazy("in a file", "place"), max_length=200, blank=True)
    sealed = models.BinaryField()
    identifiers = ArrayField(models.BinaryField(max_length=32), default=list)
    unreadable = models.BooleanField(_("unreadable"), default=False, db_default=False)
    mapping = models.ForeignKey(
        Mapping, on_delete=models.PROTECT, null=True, verbose_name=_("mapping of a file"), db_index=False
    )
    message_id = models.TextField(_("message id"), default="", db_default="")
    sent_at = models.DateTimeField(_("sent"), null=True)
    gpc = models.BooleanField(_("Global Privacy Control"), default=False, db_default=False)

    class Meta:
        verbose_name = _("quarantined event")
        verbose_name_plural = pgettext_lazy("events", "quarantine")
        constraints = [models.UniqueConstraint(fields=["source", "digest"], name="events_quarantined_once")]
        indexes = [models.Index(fields=["reason", "received_at"], name="events_quarantined_reason")]
        permissions = [("replay_quarantined", _("Can replay or drop what is in quarantine"))]

    def __str__(self) -> str:
        return str(QUARANTINE_REASONS.get(self.reason, self.reason))


class QuarantineRequest(models.Model):
    """Somebody asked for a group in quarantine to be replayed or dropped: a worker does it, batch by batch. `counts` and
    `after`, the last row that was looked at, are written with each batch; `mapping` takes the place of the rows' own.
    An empty `reason` means every one, no `place` every one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    remedy = models.CharField(_("what"), max_length=6, choices=Remedy)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, verbose_name=_("source"))
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    place = models.CharField(pgettext_lazy("in a file", "place"), max_length=200, null=True)  # noqa: DJ001 - "" is a place
    mapping = models.ForeignKey(Mapping, on_delete=models.PROTECT, null=True, verbose_name=_("mapping of a file"))
    actor = models.CharField(_("actor"), max_length=100)
    asked_at = models.DateTimeField(_("asked"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)
    after = models.UUIDField(default=UUID(int=0), editable=False)
    counts: models.JSONField[Any, Any] = models.JSONField(_("counts"), default=dict)
    refused = models.CharField(_("refused"), max_length=40, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("quarantine request")
        verbose_name_plural = _("quarantine requests")

    def __str__(self) -> str:
        return f"{self.get_remedy_display()} {local_time(self.asked_at)}"


class TrackingPlan(models.Model):
    """A version of a tracking plan, as its file says it: which events there are, what they should hold, whose they are.

    `content` is the file (see `cdp.events.tracking.files`); of each key at most one version is in force.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.SlugField(_("key"), max_length=60)
    version = models.PositiveIntegerField(_("version"))
    source = models.ForeignKey(Source, on_delete=models.CASCADE, null=True, verbose_name=_("source"))
    content: models.JSONField[Any, Any] = models.JSONField(_("content"))
    in_force = models.BooleanField(_("in force"), default=True)
    actor = models.CharField(_("actor"), max_length=100)
    loaded_at = models.DateTimeField(_("loaded"), db_default=Now())

    class Meta:
        verbose_name = _("tracking plan")
        verbose_name_plural = _("tracking plans")
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="events_plan_version"),
            models.UniqueConstraint(fields=["key"], condition=models.Q(in_force=True), name="events_plan_in_force"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"


class PlanViolation(models.Model):
    """How often what arrived was not as its plan says, by day, source, event, kind and place; never a value."""

    day = models.DateField(_("day"))
    source = models.ForeignKey(Source, on_delete=models.CASCADE, verbose_name=_("source"), db_index=False)
    event = models.CharField(_("event"), max_length=200, blank=True)
    kind = models.CharField(pgettext_lazy("tracking plan", "what is wrong"), max_length=20)
    place = models.CharField(_("field"), max_length=200, blank=True)
    count = models.BigIntegerField(_("count"), default=0)

    class Meta:
        verbose_name = _("plan violation")
        verbose_name_plural = _("plan violations")
        constraints = [
            models.UniqueConstraint(fields=["day", "source", "event", "kind", "place"], name="events_violation_once")
        ]

    def __str__(self) -> str:
        return f"{self.event or '*'}.{self.place}: {VIOLATIONS.get(self.kind, self.kind)}"


class PlannedField(models.Model):
    """The tracking plan's word on one field: clear or sealed, or as it looks; and its data class. `event` empty means every
    event. `plan` names the plan whose file says so; without one somebody said it here, and that counts."""

    class Treatment(models.TextChoices):
        AUTO = "auto", pgettext_lazy("clear or sealed", "by its look")
        CLEAR = "clear", pgettext_lazy("not sealed", "clear")
        SEALED = "sealed", _("sealed")

    source = models.ForeignKey(Source, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("source"))
    event = models.CharField(_("event"), max_length=200, blank=True)
    path = models.CharField(_("field"), max_length=200)
    treatment = models.CharField(_("treatment"), max_length=6, choices=Treatment)
    data_class = models.CharField(_("data class"), max_length=10, choices=DataClass, default=DataClass.GENERAL)
    plan = models.SlugField(
        _("tracking plan"), max_length=60, blank=True, default="", db_default="", editable=False, db_index=False
    )

    class Meta:
        verbose_name = _("planned field")
        verbose_name_plural = _("planned fields")
        constraints = [
            models.UniqueConstraint(
                fields=["source", "event", "path"], name="events_planned_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.event or '*'}.{self.path}"


class Place(models.Model):
    """A store, branch or desk."""

    key = models.CharField(_("key"), primary_key=True, max_length=60)
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20, default="store")
    brand = models.SlugField(_("brand"), max_length=40, blank=True)
    region = models.CharField(_("region"), max_length=60, blank=True)
    zone = models.CharField(_("time zone"), max_length=50)

    class Meta:
        verbose_name = _("place")
        verbose_name_plural = _("places")

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What is sold, as it was from a moment on."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sku = models.CharField(_("SKU"), max_length=100)
    name = models.CharField(_("name"), max_length=200)
    category = models.CharField(_("category path"), max_length=200, blank=True)
    attributes: models.JSONField[Any, Any] = models.JSONField(_("attributes"), default=dict, blank=True)
    price = models.BigIntegerField(_("price in minor units"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    valid_from = models.DateTimeField(_("valid from"), db_default=Now())

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [models.UniqueConstraint(fields=["sku", "valid_from"], name="events_product_version")]

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"


class ReferenceValue(models.Model):
    """What held of something that is no person, from a moment on: the weather of a city, the cost of a campaign, the stock of a
    product, an index. `reference` names the table that it is of."""

    reference = models.SlugField(pgettext_lazy("of reference values", "table"), max_length=60)
    key = models.CharField(_("key"), max_length=200)
    valid_from = models.DateTimeField(_("valid from"))
    values: models.JSONField[Any, Any] = models.JSONField(_("values"))

    class Meta:
        verbose_name = _("reference value")
        verbose_name_plural = _("reference values")
        constraints = [
            models.UniqueConstraint(fields=["reference", "key", "valid_from"], name="events_referencevalue_version")
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.key}"
