"""The suppression list: values that must not come back, by keyed digest, asked at every door.

A name is (kind, normalised value): an e-mail address or phone number in whatever spelling it came; an id of any other kind,
of one brand or of all; or a record, for whoever is erased must not come back under the id that a source calls them by.
What names a suppressed one is not kept and is counted. A list that cannot be read lets nothing through.
"""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError, InterfaceError, transaction
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit, count
from cdp.core.errors import Refused, Unavailable
from cdp.core.keyring import KeyringError
from cdp.core.models import Counter as DayCounter
from cdp.core.statements import fetch, prepared
from cdp.core.types import Actor, now
from cdp.events import actions as events
from cdp.events import queries as sources
from cdp.profiles import actions as profiles
from consent import sql, value_files
from consent.models import Suppression
from consent.types import Lifting, Stopped, TakenValues
from identity import queries as identity
from identity.fold import qualified
from identity.linkage.normalise import identifier
from identity.types import Seen

Name = tuple[str, str]
RECORD = "record"
CONTACTS = ("email", "phone")
# Under which kinds what was stopped is counted: at the doors where data comes in, before it becomes a record, where a
# steward corrects a value, and where contact values leave.
AT_THE_DOOR, AT_THE_FOLD, AT_CORRECTION = "suppressed", "suppressed:fold", "suppressed:correction"
AT_EXPORT = "suppressed:export"


# --- asking -----------------------------------------------------------------------------------------------------------


def stopped(names: Iterable[Name]) -> set[Name]:
    """Which of these names are suppressed, by one statement however many they are.

    Raises `Unavailable` where the list or its key cannot be read: whoever asks must keep nothing then.
    """
    try:
        asked = {crypto.suppression_digest(*name): name for name in names}
        listed = prepared(sql.SUPPRESSED, [list(asked)]) if asked else []
    except (DatabaseError, InterfaceError, KeyringError, OSError) as error:
        raise Unavailable("The suppression list cannot be read: nothing is kept.") from error
    return {asked[bytes(digest)] for (digest,) in listed}


def record_name(record: UUID) -> Name:
    """The name of a record: of what one source calls by one id."""
    return RECORD, record.hex


def identifier_names(identifiers: Mapping[str, Collection[str]], brand: str) -> Iterator[Name]:
    """The names of identifiers as they were written, by kind: a branded kind is suppressed for its brand or for all."""
    for kind, values in identifiers.items():
        for value in values:
            if normal := identifier(kind, value):
                yield from {(kind, normal), (qualified(kind, brand), normal)}


def called_names(external_id: str) -> Iterator[Name]:
    """The contact that an external id is, where it is one: many sources call their customers by these."""
    text = unicodedata.normalize("NFKC", external_id)
    kind = "email" if "@" in text else "phone" if text.startswith(("+", "01")) else None
    if kind and (normal := identifier(kind, text)):
        yield kind, normal


def seen_names(seen: Seen) -> set[Name]:
    """All names of an event as identity folds it."""
    said = {kind: [seen.attributes[kind]] for kind in CONTACTS if kind in seen.attributes}
    own = {"user_id": [seen.external_id]} if seen.kind == "user" else {}
    named = {record_name(seen.record), *called_names(seen.external_id)}
    return named.union(*(identifier_names(part, seen.brand) for part in (seen.identifiers, said, own)))


# --- stopping ---------------------------------------------------------------------------------------------------------


def admit(seen: Sequence[Seen]) -> Sequence[Seen]:
    """Those of stored events that may become records: the list may have grown since they came in.

    What names a suppressed value and is of a record that is not there is destroyed and counted. Events of records that
    are there stay: what is kept already is for an erasure to take.
    """
    named = [seen_names(event) for event in seen]
    listed = stopped(set().union(*named))
    late = [event for event, names in zip(seen, named, strict=True) if not names.isdisjoint(listed)] if listed else []
    known = identity.record_views({event.record for event in late}) if late else {}
    gone = [event for event in late if event.record not in known]
    if not gone:
        return seen
    events.destroy([(event.source, event.message_id) for event in gone])
    for source, number in sorted(Counter(event.source for event in gone).items()):
        count(source, {AT_THE_FOLD: number})
    taken = {(event.source, event.message_id) for event in gone}
    return [event for event in seen if (event.source, event.message_id) not in taken]


def correct(actor: Actor, profile: UUID, attribute: str, value: str, reason: str) -> UUID:
    """As `cdp.profiles.actions.correct`, unless the value is suppressed: raises `Refused`, `suppressed`, which is counted."""
    kinds = [attribute] if attribute in CONTACTS else CONTACTS
    if stopped(identifier_names({kind: [value] for kind in kinds}, "")):
        steward = sources.source_by_name(events.STEWARD)
        count(steward.id if steward else None, {AT_CORRECTION: 1})
        raise Refused("suppressed", _("This value is on the suppression list: it cannot be entered."))
    return profiles.correct(actor, profile, attribute, value, reason)


def releasable(values: Mapping[UUID, str], kind: str) -> dict[UUID, str]:
    """Those contact values (profile → normalised value of a kind) that may leave: a suppressed one that is still kept
    goes nowhere, and is counted."""
    listed = stopped((kind, value) for value in values.values())
    free = {profile: value for profile, value in values.items() if (kind, value) not in listed}
    count(None, {AT_EXPORT: len(values) - len(free)})
    return free


# --- the list ---------------------------------------------------------------------------------------------------------


def add_values(actor: Actor, kind: str, values: Iterable[tuple[int, str]], reason: str) -> TakenValues:
    """Put (line number, value) of one kind on the list; doing it again adds nothing."""
    of = kind.partition(":")[0]
    return value_files.take(values, of, lambda found: add(actor, [(kind, value) for value in found], reason))


@transaction.atomic
def add(actor: Actor, names: Collection[Name], reason: str) -> int:
    """Put names on the list, in the caller's transaction; returns how many were new. The audit tells kinds and numbers."""
    kind_of = {crypto.suppression_digest(*name): name[0][:30] for name in names}
    if not kind_of:
        return 0
    added = fetch(sql.SUPPRESS, {"digests": [*kind_of], "kinds": [*kind_of.values()], "reason": reason})
    target = ",".join(sorted(set(kind_of.values())))[:100]
    audit(actor, "suppression.added", target=target, reason=reason, asked=len(kind_of), added=len(added))
    return len(added)


@transaction.atomic
def lift(actor: Actor, kind: str, value: str, reason: str) -> Lifting:
    """Take a value off the list, because its person asked to be a customer again: one asks, and another person does it, by
    entering the value too. `Refused`, `same_person`.
    """
    normal = identifier(kind.partition(":")[0], value)
    digest = crypto.suppression_digest(kind, normal) if normal else b""
    listed = Suppression.objects.select_for_update().filter(pk=digest).first()
    done = _lift(actor, listed) if listed else Lifting.NOT_LISTED
    audit(actor, f"suppression.{done}", target=kind[:100], reason=reason)
    return done


def _lift(actor: Actor, listed: Suppression) -> Lifting:
    if listed.lift_asked_by == actor.name:
        raise Refused("same_person", _("Another person than who asked must do this."))
    if listed.lift_asked_by:
        listed.delete()
        return Lifting.LIFTED
    listed.lift_asked_by, listed.lift_asked_at = actor.name, now()
    listed.save(update_fields=["lift_asked_by", "lift_asked_at"])
    return Lifting.ASKED


def names_of(records: Collection[UUID]) -> set[Name]:
    """Everything by which the people of these records could come back: the records themselves and all identifiers that
    their sources gave. For an erasure, before it takes them."""
    names = {record_name(record) for record in records}
    for record in identity.open_records(records):
        kinds = record.folded.identifiers.items()
        names.update((kind, value) for kind, periods in kinds for value in periods)
        names.update(called_names(record.folded.external_id))
    return names


def digests_of(names: Iterable[Name]) -> list[bytes]:
    """The digests of names as the list holds them, sorted: all of a person that an erasure journal may keep."""
    return sorted(crypto.suppression_digest(*name) for name in names)


# --- what it stopped --------------------------------------------------------------------------------------------------


def stopped_lately(days: int) -> list[Stopped]:
    """What was stopped in the last `days` days, by source and door, most first."""
    since = (now() - timedelta(days=days)).date()
    rows = DayCounter.objects.filter(day__gte=since, kind__startswith=AT_THE_DOOR)
    totals: Counter[tuple[UUID | None, str]] = Counter()
    for source, kind, number in rows.values_list("source", "kind", "count"):
        totals[source, kind] += number
    named: dict[UUID | None, str] = dict(sources.source_names().items())
    return [Stopped(named.get(source, ""), door, number) for (source, door), number in totals.most_common()]
