"""Lists of people that were uploaded: by record, or by the digest of a contact value that was never stored."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cdp.core.types import uuid7


class UploadedList(models.Model):
    """Who uploaded which people, from where, for which purpose, and until when they are kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.SlugField(_("key"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=100)
    purpose = models.ForeignKey("consent.Purpose", on_delete=models.PROTECT, verbose_name=_("purpose"))
    came_from = models.CharField(_("came from"), max_length=200, help_text=_("Who gave it to us, and on which ground."))
    expires_at = models.DateTimeField(_("kept until"))
    # Grows as somebody comes onto the list, and as its time ends: an approval of contact values is of those who were on it.
    version = models.IntegerField(_("version"), default=1, db_default=1, editable=False)
    made_by = models.CharField(_("uploaded by"), max_length=100, editable=False)
    made_at = models.DateTimeField(_("uploaded"), db_default=Now())

    class Meta:
        verbose_name = _("uploaded list")
        verbose_name_plural = _("uploaded lists")
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class ListEntry(models.Model):
    """One on a list: a record, or a contact point by `crypto.contact_digest`."""

    list = models.ForeignKey(UploadedList, on_delete=models.CASCADE, related_name="entries", db_index=False)
    record = models.UUIDField(_("record"), null=True, db_index=True)
    digest = models.BinaryField(_("digest"), max_length=32, null=True)

    class Meta:
        verbose_name = _("list entry")
        verbose_name_plural = _("list entries")
        constraints = [
            models.CheckConstraint(
                condition=Q(record=None, digest__isnull=False) | Q(record__isnull=False, digest=None),
                name="segments_listentry_names_one",
            ),
            models.UniqueConstraint(fields=["list", "record"], name="segments_listentry_record"),
            models.UniqueConstraint(fields=["list", "digest"], name="segments_listentry_digest"),
        ]
        indexes = [models.Index(fields=["digest"], name="segments_listentry_by_digest")]

    def __str__(self) -> str:
        return str(self.list_id)
