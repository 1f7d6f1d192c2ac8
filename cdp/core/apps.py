from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "cdp.core"
    verbose_name = _("Accounts and operations")

    def ready(self) -> None:
        post_migrate.connect(_ship_roles, sender=self)


def _ship_roles(using: str, **_: Any) -> None:
    from cdp.core import roles

    roles.ship_roles(using)
