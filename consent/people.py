"""Of whom a request speaks: the person behind an address or an id, all their records, all that identifies them."""

from collections.abc import Collection
from uuid import UUID

from django.utils.translation import gettext as _

from cdp.core import indexing
from cdp.core.errors import Refused
from cdp.core.models import DataKey
from cdp.core.statements import fetch
from consent import request_sql, suppression
from identity import queries as identity


def subject_of(profile: UUID) -> UUID:
    """The random id by which ledger, audit and requests name the person of a profile. `Refused`: `not_found`, `erased`."""
    records = [record.id for record in identity.all_records(identity.find_profile(profile).id)]
    keys = dict(DataKey.objects.filter(record__in=records).values_list("record", "pk"))
    found = next((keys[record] for record in records if record in keys), None)
    if found is None:
        raise Refused("not_found", _("There is no such profile."))
    return found


def known(profile: UUID) -> bool:
    """Whether ledger and requests have a name for the person of a profile."""
    return DataKey.objects.filter(record__in=identity.records_of(profile)).exists()


def holders(kind: str, value: str) -> list[UUID]:
    """The live profiles that hold an identifier, in any spelling."""
    return identity.profiles_with(kind, value)


def profile_of(subject: UUID) -> UUID | None:
    """The profile that the records of `subject` are in now; None for one who was erased."""
    found = identity.profiles_of(list(DataKey.objects.filter(pk=subject).values_list("record", flat=True)))
    return found[0] if found else None


def records_of(subject: UUID) -> list[UUID]:
    """All records of the person, leaves included, through whatever they were merged with; none for one who was erased."""
    own = list(DataKey.objects.filter(pk=subject).values_list("record", flat=True))
    joined = [record for profile in identity.profiles_of(own) for record in identity.records_of(profile)]
    return sorted({*own, *joined})


def subjects_of(records: Collection[UUID]) -> list[UUID]:
    """The random ids of these records' data keys, as far as they have one."""
    return list(DataKey.objects.filter(record__in=list(records)).order_by("pk").values_list("pk", flat=True))


def names_of(records: Collection[UUID]) -> set[suppression.Name]:
    """By what the people of these records could come back (see `suppression.names_of`).

    Values that were blocked because too many share them (a call centre's own number) are left out: they name nobody.
    """
    named = suppression.names_of(records)
    index = indexing.now()
    indexed = {(kind, digest): (kind, value) for kind, value in named for digest in index.anywhere(kind, value)}
    rows = fetch(request_sql.BLOCKED, [[digest for _, digest in indexed]])
    return named - {indexed[row] for kind, digest in rows if (row := (kind, bytes(digest))) in indexed}
