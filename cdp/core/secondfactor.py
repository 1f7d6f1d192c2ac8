"""The second factor of an account: time-based one-time codes (RFC 6238), their secret sealed."""

import base64
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import transaction
from django_otp.oath import TOTP

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.models import Authenticator, User
from cdp.core.types import Actor

TABLE, COLUMN = "core_authenticator", "sealed"
# As RFC 4226 asks: as long as the hash.
SECRET_BYTES = 20
DIGITS = 6
# A code of the period before or after is taken too: clocks differ.
TOLERANCE = 1
ISSUER = "CDP"
# Roles that may not sign in by a password alone.
STRICT_ROLES = ("privacy officer", "administrator")


@dataclass(frozen=True)
class Setup:
    """What an authenticator app must be told: the secret in base 32, and the same as an `otpauth` address."""

    secret: str
    address: str


def demanded(user: User) -> bool:
    """Whether the account is asked for a code: it has a second factor, or its role must have one."""
    return confirmed(user) or bool(settings.MFA_REQUIRED and _strict(user))


def _strict(user: User) -> bool:
    return user.is_superuser or user.groups.filter(name__in=STRICT_ROLES).exists()


def satisfied(user: Any) -> bool:
    """Whether a signed-in account gave its code in this session, or needs none."""
    return getattr(user, "otp_device", None) is not None or not demanded(user)


def confirmed(user: User) -> bool:
    """Whether the account has proved once that its app knows the secret."""
    return bool(Authenticator.objects.filter(user=user, confirmed=True).exists())


@transaction.atomic
def begin(user: User) -> Setup:
    """The secret for an account's app: the same until it is confirmed. Raises ValueError once it is."""
    User.objects.select_for_update().get(pk=user.pk)
    found = Authenticator.objects.filter(user=user).first() or _made(user)
    if found.confirmed:
        raise ValueError("This account has a second factor.")
    secret = _secret(found)
    label = quote(f"{ISSUER}:{user.get_username()}")
    return Setup(secret, f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': ISSUER})}")


def _made(user: User) -> Authenticator:
    key = crypto.data_keys([user.pk])[user.pk]
    sealed = crypto.seal(key, TABLE, COLUMN, base64.b32encode(os.urandom(SECRET_BYTES)).decode())
    made: Authenticator = Authenticator.objects.create(user=user, name="app", sealed=sealed)
    return made


def _secret(found: Authenticator) -> str:
    key = crypto.existing_data_keys([found.user_id]).get(found.user_id)
    return str(crypto.unseal(key, TABLE, COLUMN, found.sealed))


@transaction.atomic
def verify(user: User, code: str) -> Authenticator | None:
    """The account's second factor if `code` is right and was not used before; the first right one confirms it."""
    found: Authenticator | None = Authenticator.objects.select_for_update().filter(user=user).first()
    if found is None or not found.verify_is_allowed()[0]:
        return None
    if not _matches(found, code):
        found.throttle_increment()
        audit(Actor.user(user), "second_factor.refused")
        return None
    audit(Actor.user(user), "second_factor.given" if found.confirmed else "second_factor.set_up")
    found.confirmed = True
    found.throttle_reset()
    return found


def _matches(found: Authenticator, code: str) -> bool:
    """Whether it is a code of now that comes after the last; remembers which."""
    if not (len(code) == DIGITS and code.isascii() and code.isdigit()):
        return False
    totp = TOTP(base64.b32decode(_secret(found)), digits=DIGITS)
    right = bool(totp.verify(int(code), tolerance=TOLERANCE, min_t=found.last_step + 1))
    if right:
        found.last_step = totp.t()
    return right
