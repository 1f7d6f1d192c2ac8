"""Short, of one width, 24 hours: tables stay narrow, columns stand in line, and no day is taken for a month."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y H:i"
