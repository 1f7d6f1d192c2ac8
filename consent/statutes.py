"""What statutes order to be kept although the person asked for erasure, and for how long.

Kept apart from everything else, and only what identifies the transaction: no name, no address, no trait.
"""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Statute:
    """A duty to keep transactions for so many calendar years from each; `article` says where it is written."""

    key: str
    article: str
    years: int


# Complaints (3 years) and advertisements (6 months), which the same decree names, are no transactions of a person's.
STATUTES = {
    one.key: one for one in (Statute("kr_ecommerce", "전자상거래법 §6, 시행령 §6 (contracts, payment, delivery)", 5),)
}


def applying() -> list[Statute]:
    """The statutes that bind this deployment (`RETENTION_STATUTES`)."""
    return [STATUTES[key] for key in settings.RETENTION_STATUTES]


def refuse_unknown() -> None:
    """Raise `ImproperlyConfigured` for a statute that the product does not know."""
    if unknown := sorted(set(settings.RETENTION_STATUTES) - STATUTES.keys()):
        raise ImproperlyConfigured(f"CDP_RETENTION_STATUTES names unknown statutes: {', '.join(unknown)}.")
