"""Which Parquet files the lake is made of."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cdp.core.types import uuid7


class LakeFile(models.Model):
    """A Parquet file of events, which is part of the lake from the commit that adds this row to the one that retires it.

    Never written twice. `level` counts how often its rows were put together with those of others.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    level = models.SmallIntegerField(_("level"))
    rows = models.BigIntegerField(_("rows"))
    bytes = models.BigIntegerField(_("bytes"))
    first_at = models.DateTimeField(_("first event"))
    last_at = models.DateTimeField(_("last event"))
    created_at = models.DateTimeField(_("created"), db_default=Now())
    retired_at = models.DateTimeField(_("retired"), null=True)

    class Meta:
        verbose_name = _("lake file")
        verbose_name_plural = _("lake files")
        indexes = [models.Index(fields=["level"], name="lake_file_live", condition=models.Q(retired_at=None))]

    def __str__(self) -> str:
        return f"{self.id}.parquet"
