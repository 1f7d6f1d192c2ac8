"""What every kind of destination must offer, and what it is given to send.

A kind is a module (`settings.DESTINATION_KINDS`: kind → module) with the four functions of `DestinationKind`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.errors import Refused


@dataclass(frozen=True)
class Message:
    """One delivery as it is said at this try: `id` is the same at every try, so that taking it twice is harmless.

    `type` is `segment.changes` or `profile.erased`; `data` is JSON of opaque ids, words and times, and where another person
    approved it of contact values: keep none of it, and quote none of it.
    """

    id: str
    type: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """Whether the other side confirmed, or `why` not, in a stable word that quotes nothing of its answer.

    `wait` is how long it asked to be left alone; `gone`: it wants nothing any more.
    """

    confirmed: bool
    why: str = ""
    wait: timedelta | None = None
    gone: bool = False


class DestinationKind(Protocol):
    """A way by which members are sent."""

    def check(self, address: str) -> None:
        """Raise `Refused` where this cannot be an address of this kind."""

    def new_secret(self) -> str:
        """A new secret, which is kept sealed."""

    def shown(self, secret: str) -> str:
        """What the receiver is to be told of a new secret, once: the secret itself, or the public half of a key."""

    def send(self, address: str, secrets: Sequence[str], message: Message) -> Outcome:
        """Send it once, within `settings.DELIVERY_SECONDS`; whatever the other side does is an outcome, never raised.

        `secrets` are those valid now, the newest first.
        """


def kind_of(name: str) -> DestinationKind:
    """The kind of this name; `Refused`, `kind_unknown`."""
    if name not in settings.DESTINATION_KINDS:
        raise Refused("kind_unknown", _("There is no such kind of destination."))
    return cast(DestinationKind, import_module(settings.DESTINATION_KINDS[name]))
