"""Regimes: what laws ask of consent, as rows that an officer may change; what is shipped is where a deployment starts.

What nobody could confirm is left empty: an empty setting asks nothing, and is filled by whoever answers for it.
"""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from consent.models import Regime

SEOUL = "Asia/Seoul"
# key, Korean, English, what it asks.
SHIPPED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    # PIPA §22-2: a guardian under 14. The statutory dormancy was abolished on 2023-09-15: the controller's own policy.
    # Decree articles 41 to 44: ten days; how much longer, no article says.
    (
        "pipa", "개인정보 보호법", "Personal Information Protection Act",
        {"guardian_under": 14, "answer_days": 10, "answer_rolls": True, "extension_days": 10},
    ),
    # §50(3) night, decree §62-3 re-confirmation, §50(7) word of the result.
    (
        "network_act", "정보통신망법", "Network Act",
        {"night_from": time(21), "night_to": time(8), "reconfirm_years": 2, "result_days": 14, "guardian_under": 14},
    ),
    # Article 8: 16, where a member state has not chosen less. Article 12(3): one month and two further ones.
    (
        "gdpr", "유럽 일반 개인정보보호법(GDPR)", "GDPR",
        {"zone": "UTC", "guardian_under": 16, "answer_months": 1, "extension_months": 2},
    ),
    # 11 CCR §7021: 45 calendar days from receipt, and 45 more.
    (
        "ccpa", "캘리포니아 소비자 프라이버시법(CCPA)", "CCPA",
        {"zone": "America/Los_Angeles", "guardian_under": 13, "answer_days": 45, "extension_days": 45},
    ),
    ("location", "위치정보법", "Location Information Act", {"guardian_under": 14}),
    ("credit", "신용정보법", "Credit Information Act", {}),
)  # fmt: skip


def ship(using: str) -> bool:
    """Make the shipped regimes; False where there are any already."""
    if Regime.objects.using(using).exists():
        return False
    rows = [Regime(key=key, name_ko=ko, name_en=en, **asks) for key, ko, en, asks in SHIPPED]
    Regime.objects.using(using).bulk_create(rows, ignore_conflicts=True)
    return True


def is_night(at: datetime, regime: Regime | None) -> bool:
    """Whether `at` lies in the regime's night, in its zone: from its first moment on, before its last."""
    if regime is None or regime.night_from is None or regime.night_to is None:
        return False
    local = at.astimezone(ZoneInfo(regime.zone)).time()
    if regime.night_from <= regime.night_to:
        return regime.night_from <= local < regime.night_to
    return local >= regime.night_from or local < regime.night_to
