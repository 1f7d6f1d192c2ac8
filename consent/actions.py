"""Writes of consent."""

from consent.models import ContactChannel, Purpose

# key, kind of contact point, whether the night needs a consent of its own
CONTACT_CHANNELS = (
    ("email", "email", False),
    ("sms", "phone", True),
    ("alimtalk", "phone", True),
    ("push", "push", True),
    ("call", "phone", True),
    ("post", "address", False),
    ("ad_audience", "", False),
)
# key, Korean, English, legal basis, required, data classes, re-confirmed every … years
PURPOSES = (
    ("service", "서비스 제공", "Providing the service", "contract", True, ["general", "location", "credit"], None),
    ("marketing", "마케팅 정보 수신", "Marketing messages", "consent", False, ["general"], 2),
    ("personalisation", "맞춤 추천", "Personalisation", "consent", False, ["general", "location"], None),
    ("analytics", "통계 분석", "Analytics", "interest", False, ["general"], None),
)


def ship_rows(using: str) -> None:
    """The contact channels and purposes every installation starts with."""
    ContactChannel.objects.using(using).bulk_create(
        [ContactChannel(key=key, point=point, night_rule=night) for key, point, night in CONTACT_CHANNELS],
        ignore_conflicts=True,
    )
    Purpose.objects.using(using).bulk_create(
        [
            Purpose(
                key=key, name_ko=ko, name_en=en, basis=basis, required=required, data_classes=classes,
                reconfirm_years=years,
            )
            for key, ko, en, basis, required, classes, years in PURPOSES
        ],  # fmt: skip
        ignore_conflicts=True,
    )
