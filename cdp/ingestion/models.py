"""Places that rows of a source are fetched from, again and again, and what became of each file found there."""

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.types import uuid7


class Pull(models.Model):
    """Where rows are fetched from: the files under a prefix of a storage, or what is new in a table of another database.

    `sealed` is {"password", "place"}, under a data key of its own (record = the id): what opens the database, and how far
    its table is read (`cdp.ingestion.tables`), for a place may name somebody.
    """

    class Kind(models.TextChoices):
        STORAGE = "storage", pgettext_lazy("where rows are fetched", "files of a storage")
        TABLE = "table", pgettext_lazy("where rows are fetched", "table of a database")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.SlugField(_("name"), max_length=60, unique=True)
    source = models.ForeignKey("events.Source", on_delete=models.PROTECT, verbose_name=_("source"), db_index=False)
    kind = models.CharField(pgettext_lazy("of a place to fetch from", "kind"), max_length=7, choices=Kind)
    address = models.CharField(_("address of the place"), max_length=500)
    table = models.CharField(pgettext_lazy("of a database", "table"), max_length=130, blank=True)
    watermark = models.CharField(_("column that says what is new"), max_length=63, blank=True)
    key = models.CharField(_("column that is another in each row"), max_length=63, blank=True)
    mapping = models.ForeignKey(
        "events.Mapping", on_delete=models.PROTECT, verbose_name=_("mapping of a file"), db_index=False
    )
    every = models.PositiveIntegerField(_("every so many minutes"), default=60, validators=[MinValueValidator(1)])
    enabled = models.BooleanField(_("enabled"), default=True)
    sealed = models.BinaryField()
    next_at = models.DateTimeField(_("next fetched"), db_default=Now())
    complete_at = models.DateTimeField(_("last had everything"), null=True, blank=True)
    failures = models.SmallIntegerField(_("failures in a row"), default=0)
    failed = models.CharField(_("failed"), max_length=60, blank=True, default="")
    counts: models.JSONField[Any, Any] = models.JSONField(_("counts"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("place to fetch from")
        verbose_name_plural = _("places to fetch from")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PulledFile(models.Model):
    """One version of a file of a storage: how many of its lines are kept, and what became of them.

    It is over once it is `finished_at`: kept whole, or left alone for what `failed` says.
    """

    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, verbose_name=_("place to fetch from"), db_index=False)
    path = models.CharField(_("path"), max_length=1024)
    version = models.CharField(pgettext_lazy("of a file", "version"), max_length=100)
    changed_at = models.DateTimeField(pgettext_lazy("of a file", "changed"))
    lines = models.BigIntegerField(_("lines kept"), default=0)
    counts: models.JSONField[Any, Any] = models.JSONField(_("counts"), default=dict, blank=True)
    begun = models.SmallIntegerField(_("begun, and not ended"), default=0)
    failed = models.CharField(_("failed"), max_length=60, blank=True, default="")
    found_at = models.DateTimeField(_("found"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("file fetched")
        verbose_name_plural = _("files fetched")
        constraints = [models.UniqueConstraint(fields=["pull", "path", "version"], name="ingestion_pulledfile_once")]
        indexes = [
            models.Index(
                fields=["pull", "changed_at", "path"], name="ingestion_pulledfile_waiting",
                condition=models.Q(finished_at=None),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.path


class Upload(models.Model):
    """A file that somebody gave to the console, and what became of it.

    `sealed` is the file, `draft` which column means what, under a data key of its own (record = the id): both are destroyed
    once the rows are kept, or after a day in which nobody started the import.
    """

    class Holds(models.TextChoices):
        RECORDS = "records", pgettext_lazy("what a file holds", "records of people")
        EVENTS = "events", pgettext_lazy("what a file holds", "events")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.ForeignKey("events.Source", on_delete=models.PROTECT, verbose_name=_("source"), db_index=False)
    holds = models.CharField(pgettext_lazy("what a file holds", "Holds"), max_length=7, choices=Holds)
    name = models.CharField(pgettext_lazy("of a file", "name"), max_length=100)
    size = models.IntegerField(_("bytes"))
    sealed = models.BinaryField()
    draft = models.BinaryField()
    mapping = models.ForeignKey(
        "events.Mapping", on_delete=models.PROTECT, null=True, verbose_name=_("mapping of a file"), db_index=False
    )
    actor = models.CharField(_("actor"), max_length=100)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    started_at = models.DateTimeField(_("started"), null=True)
    lines = models.BigIntegerField(_("lines kept"), default=0)
    percent = models.SmallIntegerField(_("percent"), default=0)
    counts: models.JSONField[Any, Any] = models.JSONField(_("counts"), default=dict)
    begun = models.SmallIntegerField(_("begun, and not ended"), default=0)
    failed = models.CharField(_("failed"), max_length=60, blank=True, default="")
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("uploaded file")
        verbose_name_plural = _("uploaded files")

    def __str__(self) -> str:
        return self.name
