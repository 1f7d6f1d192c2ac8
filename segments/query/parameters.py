"""Every value of a rule becomes a named, typed parameter; equal ones share a name. Nothing is ever spelt into SQL."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from sqlglot import exp

from cdp.core.money import minor_units
from segments.query.dialects import DECIMAL, cast


class Parameters:
    """The parameters of one query, in order of their first use: p0, p1, …"""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self._names: dict[tuple[str, object], str] = {}

    def _bound(self, value: object, sql_type: str, key: object = None) -> exp.Expr:
        name = self._names.setdefault((sql_type, value if key is None else key), f"p{len(self.values)}")
        self.values[name] = value
        return cast(exp.Placeholder(this=name), sql_type)

    def text(self, value: str) -> exp.Expr:
        return self._bound(value, "text")

    def boolean(self, value: bool) -> exp.Expr:
        return self._bound(value, "boolean")

    def number(self, value: Decimal, currency: str | None = None) -> exp.Expr:
        """A DECIMAL(38,6); with a currency, an amount in its minor units."""
        return self._bound(value if currency is None else minor_units(value, currency), DECIMAL)

    def integer(self, value: int) -> exp.Expr:
        """A whole number that counts rows."""
        return self._bound(value, "bigint")

    def integers(self, values: Sequence[int]) -> exp.Expr:
        return self._bound(list(values), "bigint[]", tuple(values))

    def time(self, minute: int) -> exp.Expr:
        """A minute of the day, before 24:00."""
        return self._bound(time(minute // 60, minute % 60), "time")

    def moment(self, value: datetime) -> exp.Expr:
        """A moment in UTC."""
        return self._bound(value, "timestamptz")

    def duration(self, value: timedelta) -> exp.Expr:
        """A length of time; a day is 24 hours."""
        return self._bound(value, "interval")

    def uuid(self, value: UUID) -> exp.Expr:
        return self._bound(value, "uuid")

    def texts(self, values: Sequence[str]) -> exp.Expr:
        return self._bound(list(values), "text[]", tuple(values))

    def numbers(self, values: Sequence[Decimal], currency: str | None = None) -> exp.Expr:
        scaled = [value if currency is None else minor_units(value, currency) for value in values]
        return self._bound(scaled, f"{DECIMAL}[]", tuple(scaled))

    def booleans(self, values: Sequence[bool]) -> exp.Expr:
        return self._bound(list(values), "boolean[]", tuple(values))
