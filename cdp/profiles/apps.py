from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProfilesConfig(AppConfig):
    name = "cdp.profiles"
    verbose_name = _("Who is it?")
