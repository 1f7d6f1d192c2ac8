"""The staff site."""

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class ConsoleSite(AdminSite):
    site_title = _("Customer data platform")
    site_header = _("Customer data platform")
    index_title = _("Home")
