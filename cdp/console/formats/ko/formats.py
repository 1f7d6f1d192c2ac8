"""Short, of one width, 24 hours: tables stay narrow and columns stand in line."""

SHORT_DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i"
