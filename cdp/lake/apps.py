from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LakeConfig(AppConfig):
    name = "cdp.lake"
    verbose_name = _("Accounts and operations")
