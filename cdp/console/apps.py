from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ConsoleAdminConfig(AdminConfig):
    """Django's admin with our site in the place of its own."""

    default_site = "cdp.console.site.ConsoleSite"


class ConsoleConfig(AppConfig):
    name = "cdp.console"
    verbose_name = _("Console")

    def ready(self) -> None:
        post_migrate.connect(_ship_roles, sender=self)


def _ship_roles(using: str, **_: Any) -> None:
    from cdp.core import roles

    roles.ship_roles(using)
