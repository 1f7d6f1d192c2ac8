"""Blind indexes: keyed digests of normalised values, by which values are found that are kept sealed.

Their key can be replaced while the system runs. Each row of digests names the generation of index keys that made it. One
generation is read: every record has its rows, and whatever is looked up is looked up by it. Beside it another may be
filled (`cdp.core.reindex`); when every record has its rows too, it becomes the one that is read, by one change of one
row here, and what the one before it left is deleted. Who writes digests writes them of `written`.
"""

import hmac
from functools import lru_cache
from uuid import UUID

import msgspec
from django.db import transaction

from cdp.core import keys_sql
from cdp.core.actions import audit
from cdp.core.digests import Digester, digester, proof
from cdp.core.errors import NoKey, Refused
from cdp.core.keyring import keys
from cdp.core.models import IndexKey
from cdp.core.statements import execute, prepared
from cdp.core.types import Actor

State = IndexKey.State


class Generation(msgspec.Struct, frozen=True):
    """An index key of the database, by its number there and its id in the keyring."""

    number: int
    key_id: str
    secret: bytes
    state: str

    def of(self, namespace: str, normalised: str) -> bytes:
        """A keyed digest (32 bytes) of an already normalised value, comparable within `namespace` only."""
        return _digester(self.secret, namespace)(normalised.encode("utf-8", "surrogatepass"))


class BlindIndex(msgspec.Struct, frozen=True):
    """The generations of a moment. Who writes asks for them (`now`) under the lock that its `freeze` takes."""

    generations: tuple[Generation, ...]

    @property
    def read(self) -> Generation:
        """The one that every record is indexed by."""
        return self._only(State.READ)[0]

    @property
    def filled(self) -> Generation | None:
        """The one that is to replace it."""
        return next(iter(self._only(State.FILLED)), None)

    @property
    def written(self) -> list[Generation]:
        """Those of which new rows are needed."""
        return self._only(State.READ, State.FILLED)

    def of(self, namespace: str, normalised: str) -> bytes:
        """The digest of a normalised value in the generation that is read."""
        return self.read.of(namespace, normalised)

    def anywhere(self, namespace: str, normalised: str) -> list[bytes]:
        """Its digests in all generations: for who looks up values that may be in any, or later than it asked."""
        return [generation.of(namespace, normalised) for generation in self.generations]

    def _only(self, *states: str) -> list[Generation]:
        return [generation for generation in self.generations if generation.state in states]


def now() -> BlindIndex:
    """The generations as the database has them now; the first is made of the keyring's active index key.

    Raises `NoKey` where the keyring has not the key of one, or another of its name.
    """
    rows = prepared(keys_sql.INDEX_KEYS)
    if not rows:
        active = keys().index.active
        execute(keys_sql.FIRST_INDEX_KEY, [active, proof(keys().index.writing, _name(active))])
        rows = prepared(keys_sql.INDEX_KEYS)
    return BlindIndex(tuple(_generation(*row) for row in rows))


def begin(actor: Actor, key_id: str) -> None:
    """Fill a generation of this key of the keyring, in the caller's transaction, which holds every writer's lock.

    Harmless to ask for again. Raises `Refused`, `index_key_busy`, where another is being filled or left, or it is read.
    """
    known = now()
    if known.filled and known.filled.key_id == key_id:
        return
    if len(known.generations) > 1 or known.read.key_id == key_id:
        raise Refused("index_key_busy", "One index key replaces another at a time: see `manage.py keys status`.")
    number, name = known.read.number + 1, _name(key_id)
    IndexKey.objects.create(generation=number, key=key_id, proof=proof(_secret(key_id), name), state=State.FILLED)
    audit(actor, "keys.index_begun", target=key_id, generation=number)


def turn(actor: Actor) -> None:
    """Read the generation that was filled, from the end of the caller's transaction, which holds every writer's lock."""
    known = now()
    if known.filled is None:
        return
    IndexKey.objects.filter(state=State.READ).update(state=State.LEFT, position=None)
    IndexKey.objects.filter(state=State.FILLED).update(state=State.READ, position=None)
    audit(actor, "keys.index_turned", target=known.filled.key_id, generation=known.filled.number)


def abandon(actor: Actor) -> None:
    """Give up the generation that is being filled, as `turn`; what it indexed is left to be deleted."""
    if (filled := now().filled) is not None:
        IndexKey.objects.filter(state=State.FILLED).update(state=State.LEFT, position=None)
        audit(actor, "keys.index_abandoned", target=filled.key_id, generation=filled.number)


@transaction.atomic
def drop(actor: Actor, generation: Generation) -> None:
    """Forget a generation that nothing is indexed by any more."""
    IndexKey.objects.filter(generation=generation.number, state=State.LEFT).delete()
    audit(actor, "keys.index_dropped", target=generation.key_id, generation=generation.number)


def position(generation: Generation) -> UUID | None:
    """Up to which record the work on a generation is done."""
    return IndexKey.objects.values_list("position", flat=True).get(pk=generation.number)


def done_to(generation: Generation, record: UUID) -> None:
    """Note it, in the transaction that did it."""
    IndexKey.objects.filter(pk=generation.number).update(position=record)


def _generation(number: int, key_id: str, shown: bytes, state: str) -> Generation:
    secret = _secret(key_id)
    if not hmac.compare_digest(shown, proof(secret, _name(key_id))):
        raise NoKey(
            f"Index key {key_id} of the keyring is not the one this database was indexed with: restore its keyring."
        )
    return Generation(number, key_id, secret, state)


def _secret(key_id: str) -> bytes:
    secret = keys().index.keys.get(key_id)
    if secret is None:
        raise NoKey(
            f"Index key {key_id} is not in the keyring: add it, or restore the keyring that this database uses."
        )
    return secret


def _name(key_id: str) -> str:
    return f"index {key_id}"


@lru_cache(maxsize=256)
def _digester(secret: bytes, namespace: str) -> Digester:
    return digester(secret, use(namespace))


def use(namespace: str) -> bytes:
    """What the key of a namespace is derived for."""
    return b"cdp blind index\x1f" + namespace.encode()
