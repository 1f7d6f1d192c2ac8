"""Bearer service keys (RFC 6750, in the header only) and their scopes."""

import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from cdp.core.models import ServiceKey
from cdp.core.types import now

if TYPE_CHECKING:
    from cdp.api.endpoint import Endpoint

REALM = 'Bearer realm="api"'
PREFIX_LENGTH = len("cdp_") + 8
LONGEST = 200
USED_AGAIN = timedelta(minutes=1)


class KeyRefused(AuthenticationFailed):
    """A key that opens nothing; `key` is the one it claims to be, if there is such a one."""

    def __init__(self, code: str, detail: str, key: ServiceKey | None = None) -> None:
        super().__init__(detail, code)
        self.key = key


class ServiceKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer cdp_<prefix>_<secret>`; the secret is compared by its SHA-256 in constant time."""

    def authenticate(self, request: Request) -> tuple[ServiceKey, ServiceKey] | None:
        scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer":
            raise KeyRefused("scheme_unknown", _("Send the service key as “Authorization: Bearer …”."))
        key = find_key(secret.strip())
        note_use(key)
        return key, key

    def authenticate_header(self, request: Request) -> str:
        return REALM


def find_key(secret: str) -> ServiceKey:
    """The valid key of a secret; raises `KeyRefused`. An unknown one takes the same steps as a wrong one."""
    storable = secret[:LONGEST].isascii() and secret.isprintable()
    key = ServiceKey.objects.filter(prefix=secret[:PREFIX_LENGTH]).first() if storable else None
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
    if not hmac.compare_digest(bytes(key.digest) if key else bytes(32), digest) or key is None:
        raise KeyRefused("key_unknown", _("There is no such service key."), key)
    if key.revoked_at is not None:
        raise KeyRefused("key_revoked", _("The service key was revoked."), key)
    if key.expires_at is not None and key.expires_at <= now():
        raise KeyRefused("key_expired", _("The service key has expired."), key)
    return key


def note_use(key: ServiceKey) -> None:
    """Remember when a key was last used, to the minute: one write a minute, whatever the traffic."""
    moment = now()
    if key.last_used_at is None or key.last_used_at < moment - USED_AGAIN:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=moment - USED_AGAIN)
        ServiceKey.objects.filter(stale, pk=key.pk).update(last_used_at=moment)


class HasScope(BasePermission):
    """The key must have the scope that the view names for the method; a method without one is answered with 405."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.auth is None:
            return False
        endpoint: Endpoint = view
        scope = endpoint.scope(request.method or "")
        if scope:
            endpoint.need(scope)
        return True
