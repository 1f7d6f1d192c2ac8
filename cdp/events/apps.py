from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    name = "cdp.events"
    verbose_name = _("What happened?")

    def ready(self) -> None:
        post_migrate.connect(_ship_rows, sender=self)


def _ship_rows(using: str, **_: Any) -> None:
    from cdp.events import actions

    actions.ship_rows(using)
