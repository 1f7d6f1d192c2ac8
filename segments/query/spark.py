"""Spark's dialect: JSON as VARIANT, ids as bytes, and in its own words what the one tree says in PostgreSQL's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from functools import reduce
from uuid import UUID

from sqlglot import exp

from segments.query.dialects import ELEMENT, Bind, truth, when

FUNCTIONS = frozenset({"try_variant_get", "schema_of_variant", "element_at", "explode", "exists", "date_format"})
ANYTHING, OBJECT, ARRAY, NUMBER, MINUTE = "$", "map<string, variant>", "array<variant>", "decimal(38, 6)", "HH:mm"
NO_NUMBERS = ("STRING", "BOOLEAN")
CONSTANTS = frozenset({ANYTHING, OBJECT, ARRAY, NUMBER, MINUTE, *NO_NUMBERS, "VOID", "string", "boolean"})
ISO_WEEKDAY = "DAYOFWEEK_ISO"


@dataclass(frozen=True, slots=True)
class Spark:
    """Spark ≥ 4 over VARIANT columns, which keep numbers of up to 38 digits exact. Its strings compare by code point."""

    name: str = "spark"

    def member(self, json: exp.Expr, name: str, bind: Bind) -> exp.Expr:
        """By way of a map, for not every key can be written into a path."""
        return exp.Anonymous(this="element_at", expressions=[_read(json, OBJECT), bind(name)])

    def present(self, json: exp.Expr) -> exp.Expr:
        return exp.NEQ(this=_type(json), expression=exp.Literal.string("VOID"))

    def number(self, json: exp.Expr) -> exp.Expr:
        """Numbers alone: read as one, a text or a flag would become one."""
        others = exp.In(this=_type(json), expressions=[exp.Literal.string(name) for name in NO_NUMBERS])
        return when(exp.Not(this=others), _read(json, NUMBER))

    def text(self, json: exp.Expr) -> exp.Expr:
        return self._of_type("string", json)

    def words(self, json: exp.Expr) -> exp.Expr:
        return _read(json, "string")

    def boolean(self, json: exp.Expr) -> exp.Expr:
        return self._of_type("boolean", json)

    def elements(self, json: exp.Expr, alias: str) -> exp.Expr:
        named = exp.TableAlias(this=exp.to_identifier(alias), columns=[exp.to_identifier(ELEMENT)])
        return exp.Lateral(this=exp.Anonymous(this="explode", expressions=[_read(json, ARRAY)]), alias=named)

    def by_code_point(self, text: exp.Expr) -> exp.Expr:
        return text

    def worded(self, tree: exp.Select) -> exp.Select:
        for node in reversed(list(tree.walk())):
            worded = _worded(node)
            if worded is not node:
                node.replace(worded)
        return tree

    def _of_type(self, name: str, json: exp.Expr) -> exp.Expr:
        return when(exp.EQ(this=_type(json), expression=exp.Literal.string(name.upper())), _read(json, name))


def arguments(parameters: Mapping[str, object]) -> dict[str, object]:
    """The parameters as Spark takes them; the query casts texts of numbers to what they are."""
    return {name: _argument(value) for name, value in parameters.items()}


def _argument(value: object) -> object:
    match value:
        case UUID():
            return value.bytes
        case Decimal():
            return format(value, "f")
        case time():
            return value.isoformat("minutes")
        case list():
            return [str(_argument(part)) for part in value]
    return value


def _read(json: exp.Expr, wanted: str) -> exp.Expr:
    """The value as a type, NULL where it is none of that."""
    words = [exp.Literal.string(ANYTHING), exp.Literal.string(wanted)]
    return exp.Anonymous(this="try_variant_get", expressions=[json.copy(), *words])


def _type(json: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="schema_of_variant", expressions=[json.copy()])


# --- what PostgreSQL and DuckDB say alike, and Spark otherwise ----------------------------------------------------------


def _worded(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.EQ(expression=exp.Any()):
            return exp.ArrayContains(this=node.expression.this.unnest(), expression=node.this)
        case exp.Exists(this=exp.Select() as elements):
            return _exists(elements)
        case exp.Sum():
            return exp.Sum(
                this=exp.cast(node.this, NUMBER)
            )  # as wide as in PostgreSQL, where a sum of BIGINT is no BIGINT
        case exp.Cast():
            return _cast(node)
        case exp.Var():
            return exp.Var(this=ISO_WEEKDAY)
    return node


def _exists(elements: exp.Select) -> exp.Expr:
    """No subquery may read a list of the row outside: a function of the list, and of the lists in its elements."""
    lists = [elements.args["from_"].this, *(join.this for join in elements.args.get("joins") or [])]
    return truth(reduce(_some, reversed(lists), elements.args["where"].this))


def _some(holds: exp.Expr, listed: exp.Expr) -> exp.Expr:
    alias = listed.alias
    for column in list(holds.find_all(exp.Column)):
        if column.table == alias:
            column.replace(exp.to_identifier(alias))
    lambda_ = exp.Lambda(this=holds, expressions=[exp.to_identifier(alias)])
    return exp.Anonymous(this="exists", expressions=[listed.this.expressions[0], lambda_])


def _cast(node: exp.Cast) -> exp.Expr:
    """An interval is one already; a time of day is a text of its minutes, for Spark has no such type unless told to."""
    value: exp.Expr = node.this
    if node.is_type("interval"):
        return value
    if node.is_type("uuid"):
        return exp.cast(value, "binary")
    if not node.is_type("time"):
        return node
    if isinstance(value, exp.Placeholder):
        return exp.cast(value, "text")
    return exp.Anonymous(this="date_format", expressions=[value, exp.Literal.string(MINUTE)])


SPARK = Spark()
