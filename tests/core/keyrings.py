"""Keyrings for tests: a fresh one, and the same with one more key that is active."""

from typing import Any

from cdp.core import crypto
from cdp.core.keyring import new_keyring, with_new_key


def use(settings: Any, text: str) -> None:
    """Let this process use a keyring from now on, as after a restart."""
    settings.KEYRING = text
    crypto.forget_keys()


def use_fresh(settings: Any) -> None:
    use(settings, new_keyring())


def add(settings: Any, ring: str, arn: str = "") -> str:
    """One more key; its id."""
    text, key = with_new_key(settings.KEYRING, ring, arn)
    use(settings, text)
    return key
