from django.apps import AppConfig


class CdpConfig(AppConfig):
    name = "cdp"
    label = "cdp"

    def ready(self) -> None:
        # So that tasks sent from here find the broker of the settings.
        import cdp.celery  # noqa: F401
