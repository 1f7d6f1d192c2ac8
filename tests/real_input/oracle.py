"""What the online-retail file itself says, in DuckDB's SQL over the Parquet file. Imports nothing of the product."""

from pathlib import Path
from typing import Any

import duckdb

# Each line's money in pence, halves away from zero, and its moment in UTC.
LINES = """
create view lines as
select CustomerID::varchar as customer, InvoiceNo as invoice, Description as product,
       round(Quantity::decimal(18,0) * UnitPrice::decimal(18,4) * 100)::bigint as pence,
       timezone('Europe/London', InvoiceDate) as happened
from read_parquet('{file}')
"""

FREQUENT = """
select customer from lines where pence >= 0 and customer is not null
  and happened >= timestamptz '{as_of}' - interval '2160 hours' and happened < timestamptz '{as_of}'
group by customer having count(*) >= 10
"""
SPENDERS = """
select customer from lines where pence >= 0 and customer is not null
  and happened >= timestamptz '{as_of}' - interval '4320 hours' and happened < timestamptz '{as_of}'
group by customer having sum(pence) > 100000
"""
CHRISTMAS_QUIET = """
select distinct customer from lines
where customer is not null and pence >= 0 and product like '%CHRISTMAS%' and happened < timestamptz '{as_of}'
except
select customer from lines
where customer is not null and pence >= 0
  and happened >= timestamptz '{as_of}' - interval '720 hours' and happened < timestamptz '{as_of}'
"""
TOTALS = """
select customer, sum(pence)::bigint, count(distinct invoice) filter (where pence >= 0),
       count(*), strftime(timezone('UTC', max(happened)), '%Y-%m-%dT%H:%M:%S.000000Z')
from lines where customer is not null group by customer
"""
COUNTS = """
select count(*), count(distinct customer), count(distinct invoice) filter (where customer is null),
       count(*) filter (where pence < 0)
from lines
"""


class Oracle:
    """One reading of the file."""

    def __init__(self, file: Path) -> None:
        self._connection = duckdb.connect(":memory:")
        self._connection.execute(LINES.format(file=str(file).replace("'", "''")))

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()

    def counts(self) -> tuple[int, int, int, int]:
        """Lines; customers; invoices of nobody; lines that give money back."""
        lines, customers, receipts, refunds = self._rows(COUNTS)[0]
        return lines, customers, receipts, refunds

    def members(self, as_of: str) -> dict[str, set[str]]:
        """Customers by segment: ten lines in 90 days; over 1,000 pounds in 180; Christmas goods ever, nothing in 30."""
        statements = {"frequent": FREQUENT, "spenders": SPENDERS, "christmas-quiet": CHRISTMAS_QUIET}
        return {name: {row[0] for row in self._rows(sql.format(as_of=as_of))} for name, sql in statements.items()}

    def totals(self) -> dict[str, tuple[int, int, int, str]]:
        """By customer: pence spent less pence given back, invoices with a purchase, lines, last moment in UTC."""
        return {customer: (pence, orders, lines, last) for customer, pence, orders, lines, last in self._rows(TOTALS)}
