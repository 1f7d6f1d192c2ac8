"""Keyrings for tests: a fresh one, and the same with one more key that is active."""

from pytest_django.fixtures import SettingsWrapper

from cdp.core import crypto
from cdp.core.keyring import new_keyring, with_new_key


def use(settings: SettingsWrapper, text: str) -> None:
    """Let this process use a keyring from now on, as after a restart."""
    settings.KEYRING = text
    crypto.forget_keys()


def use_fresh(settings: SettingsWrapper) -> None:
    use(settings, new_keyring())


def add(settings: SettingsWrapper, ring: str, arn: str = "") -> str:
    """One more key; its id."""
    text, key = with_new_key(settings.KEYRING, ring, arn)
    use(settings, text)
    return key
