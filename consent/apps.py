from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ConsentConfig(AppConfig):
    name = "consent"
    verbose_name = _("May we?")

    def ready(self) -> None:
        post_migrate.connect(_ship_rows, sender=self)


def _ship_rows(using: str, **_: Any) -> None:
    from consent import actions

    actions.ship_rows(using)
