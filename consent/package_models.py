"""Links by which a person fetches everything that is known about them."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cdp.core.types import uuid7


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
