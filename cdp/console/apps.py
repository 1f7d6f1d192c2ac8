from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class ConsoleAdminConfig(AdminConfig):
    """Django's admin with our site in the place of its own."""

    default_site = "cdp.console.site.ConsoleSite"


class ConsoleConfig(AppConfig):
    name = "cdp.console"
    verbose_name = _("Console")
