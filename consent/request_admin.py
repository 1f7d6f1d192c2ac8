"""Staff pages of what a privacy request needs beside itself; requests themselves have theirs in the console."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import link
from consent import request_models as models

REQUEST = link("request_id", _("privacy request"), "consent_privacyrequest")
ERASURE = link("erasure_id", _("erasure"), "consent_erasure")


@admin.register(models.Challenge)
class ChallengeAdmin(ReadOnlyRoom[models.Challenge]):
    list_display = ("created_at", "kind", "wrong", "handled_at", "used_at", "expires_at")
    fields = list_display
    ordering = ("-created_at",)
    id_fields = ("id",)
    search_help_text = _("A whole id.")


@admin.register(models.PersonNotice)
class PersonNoticeAdmin(ReadOnlyRoom[models.PersonNotice]):
    list_display = ("created_at", "what", REQUEST, "sent_at", "tries", "failed")
    list_filter = ("what", ("sent_at", admin.EmptyFieldListFilter))
    fields = list_display
    ordering = ("-id",)
    id_fields = ("request_id",)
    search_help_text = _("The whole id of a privacy request.")


@admin.register(models.LegalHold)
class LegalHoldAdmin(ReadOnlyRoom[models.LegalHold]):
    first_step = _("A hold is set on the page of a privacy request.")
    list_display = ("set_at", "reason", "reference", "subject", "set_by", "release_asked_by", "released_at")
    list_filter = ("reason", ("released_at", admin.EmptyFieldListFilter))
    fields = (*list_display, "released_by")
    ordering = ("-set_at",)
    id_fields = ("id", "subject")
    search_help_text = _("A whole id: of the hold or of its subject.")


@admin.register(models.Erasure)
class ErasureAdmin(ReadOnlyRoom[models.Erasure]):
    list_display = ("created_at", "state", REQUEST, "journaled_at", "finished_at", "retry_at", "replayed")
    list_filter = ("state", "replayed")
    fields = ("id", *list_display, "certificate")
    ordering = ("-created_at",)
    id_fields = ("id", "request_id")
    search_help_text = _("A whole id: of the erasure or of its request.")


@admin.register(models.ErasureStep)
class ErasureStepAdmin(ReadOnlyRoom[models.ErasureStep]):
    list_display = (ERASURE, "place", "hook", "done_at", "tries", "failed")
    list_filter = ("hook", ("done_at", admin.EmptyFieldListFilter))
    fields = (*list_display, "counts")
    ordering = ("-erasure", "place")
    id_fields = ("erasure_id",)
    search_help_text = _("The whole id of an erasure.")


@admin.register(models.KeptTransaction)
class KeptTransactionAdmin(ReadOnlyRoom[models.KeptTransaction]):
    list_display = ("keep_until", "statute", "brand", "order_id", "name", "occurred_at", "currency", "revenue", ERASURE)
    list_filter = ("statute",)
    fields = list_display
    ordering = ("keep_until", "id")
    id_fields = ("erasure_id",)
    search_help_text = _("The whole id of an erasure.")
