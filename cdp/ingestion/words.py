"""What the short words for faults of fetching mean, and what to do; a code that is not known stands for itself."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

FAILURES = {
    "OperationalError": _("It cannot be reached, or refuses: see its address and password"),
    "address_refused": _("Its address is not public: the setting CDP_PULL_NETWORKS allows a network of the house"),
    "no_such_host": _("There is no host of that name"),
    "28P01": _("The password is refused"),
    "28000": _("The user is refused"),
    "3D000": _("There is no such database"),
    "42P01": _("There is no such table"),
    "42703": _("There is no such column"),
    "42501": _("The user may not read it"),
    "57014": _("It took too long: index both columns together"),
    "our_own": _("This is the database of this installation: name another"),
    "watermark_type": _("The column that says what is new is no time, date or whole number"),
    "mapping": _("The mapping cannot be read any more: write it anew"),
    "http_403": _("The credentials may not read it"),
    "http_404": _("There is no such bucket"),
    "nothing_there": _("There is no file: let the address end at a folder or a file, not within a name"),
    "NoCredentialsError": _("The worker has no credentials"),
    "EndpointConnectionError": _("The storage cannot be reached"),
    "killed": _("It ended the worker that read it, again and again: it may be too large"),
    "unreadable": _("The file cannot be read"),
    "columns_missing": _("The file has not the columns of the mapping"),
    "no_source": _("The source is switched off"),
    "mapping_refused": _("The mapping does not fit the file any more"),
    "replaced": _("Another version came in its place"),
}
COUNTS = {
    "received": _("rows"),
    "taken": _("taken"),
    "repeated": _("repeated"),
    "quarantined": _("quarantined"),
    "suppressed": _("suppressed"),
    "unconsented": _("without the consent that the source requires"),
}


def failure(code: str) -> str:
    """Why it failed, in words; the code is for logs and counters."""
    return str(FAILURES.get(code, code))


def counted(counts: Mapping[str, Any]) -> str:
    """What became of rows, in words."""
    return ", ".join(
        f"{words}: {number_format(counts[name], force_grouping=True)}"
        for name, words in COUNTS.items()
        if name in counts
    )
