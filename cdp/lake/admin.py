"""Staff pages: the files of the lake."""

from django.contrib import admin

from cdp.core.admin import ReadOnlyRoom
from cdp.lake import models


@admin.register(models.LakeFile)
class LakeFileAdmin(ReadOnlyRoom[models.LakeFile]):
    list_display = ("id", "level", "rows", "bytes", "first_at", "last_at", "created_at", "retired_at")
    list_filter = ("level",)
    ordering = ("-id",)
