"""What differs between engines: reading typed values out of JSON, and the order of strings. The rest is one tree.

Every cast stands inside a CASE on the JSON type (or is a TRY_CAST), for engines may evaluate conditions in any order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from sqlglot import exp

from segments.query import relations
from segments.query.ast import Kind

LARGEST = "99999999999999999999999999999999.999999"
DIGITS, ZEROS = "0123456789", "0000000000"
SHAPES: dict[Kind, str] = {"date": "0000-00-00", "moment": "0000-00-00T00:00:00.000000Z"}
Bind = Callable[[str], exp.Expr]
DECIMAL = "decimal(38, 6)"
ELEMENT = "element"


@cache
def sql_type(name: str) -> exp.DataType:
    """A type by its PostgreSQL name, parsed once."""
    return exp.DataType.build(name, dialect="postgres")


def cast(value: exp.Expr, name: str) -> exp.Expr:
    """CAST(value AS type)."""
    return exp.Cast(this=value, to=sql_type(name).copy())


class Dialect(Protocol):
    """One engine. JSON expressions come from `member`; each reader is NULL where the value is of another type."""

    @property
    def name(self) -> str:
        """sqlglot's name of the dialect."""

    def member(self, json: exp.Expr, name: str, bind: Bind) -> exp.Expr:
        """The value under a key of an object; NULL for arrays and scalars. `bind` makes the key a parameter."""

    def present(self, json: exp.Expr) -> exp.Expr:
        """Whether there is a value other than JSON null; NULL or false where not."""

    def number(self, json: exp.Expr) -> exp.Expr:
        """The value as DECIMAL(38,6), rounded half away from zero; NULL where out of range."""

    def text(self, json: exp.Expr) -> exp.Expr:
        """The value as a string that compares by code point."""

    def words(self, json: exp.Expr) -> exp.Expr:
        """The same of a value of any type, for whoever makes sure of it by the text itself."""

    def boolean(self, json: exp.Expr) -> exp.Expr:
        """The value as a boolean."""

    def elements(self, json: exp.Expr, alias: str) -> exp.Expr:
        """The elements of a list as rows of one column, `element`; none of anything else."""

    def by_code_point(self, text: exp.Expr) -> exp.Expr:
        """A string column made to compare by code point."""

    def worded(self, tree: exp.Select) -> exp.Select:
        """The whole tree in words that sqlglot's dialect has no translation for."""


def has_shape(dialect: Dialect, json: exp.Expr, kind: Kind) -> exp.Expr:
    """Whether a value is a string of the shape of a date or moment, which nothing else is; such strings sort as the times
    they name."""
    masked = exp.func("translate", dialect.words(json.copy()), exp.Literal.string(DIGITS), exp.Literal.string(ZEROS))
    return exp.EQ(this=masked, expression=exp.Literal.string(SHAPES[kind]))


def truth(condition: exp.Expr) -> exp.Expr:
    """NULL as false."""
    return exp.Coalesce(this=condition, expressions=[exp.false()])


def when(condition: exp.Expr, value: exp.Expr) -> exp.Expr:
    """CASE WHEN condition THEN value END."""
    return exp.Case(ifs=[exp.If(this=condition, true=value)])


def _rows(function: str, listed: exp.Expr, alias: str) -> exp.Expr:
    named = exp.TableAlias(this=exp.to_identifier(alias), columns=[exp.to_identifier(ELEMENT)])
    return exp.Table(this=exp.Anonymous(this=function, expressions=[listed]), alias=named)


def _type_is(function: str, json: exp.Expr, name: str) -> exp.Expr:
    return exp.EQ(this=exp.func(function, json.copy()), expression=exp.Literal.string(name))


@dataclass(frozen=True, slots=True)
class Postgres:
    """PostgreSQL ≥ 16 over jsonb, which keeps numbers exact."""

    name: str = "postgres"

    def member(self, json: exp.Expr, name: str, bind: Bind) -> exp.Expr:
        return exp.JSONExtract(this=json, expression=bind(name), only_json_types=True)

    def present(self, json: exp.Expr) -> exp.Expr:
        return exp.NEQ(this=exp.func("jsonb_typeof", json), expression=exp.Literal.string("null"))

    def number(self, json: exp.Expr) -> exp.Expr:
        """Rounded before the range is looked at: what would round up to 10^32 must not reach the cast."""
        rounded = exp.Round(this=cast(json.copy(), "decimal"), decimals=exp.Literal.number(6))
        largest = exp.Literal.number(LARGEST)
        fits = exp.Between(this=rounded, low=exp.Neg(this=largest), high=largest.copy())
        return when(_type_is("jsonb_typeof", json, "number"), when(fits, cast(rounded.copy(), DECIMAL)))

    def text(self, json: exp.Expr) -> exp.Expr:
        return self.by_code_point(when(_type_is("jsonb_typeof", json, "string"), self._unquoted(json.copy())))

    def words(self, json: exp.Expr) -> exp.Expr:
        return self.by_code_point(exp.paren(self._unquoted(json.copy())))

    def boolean(self, json: exp.Expr) -> exp.Expr:
        return when(_type_is("jsonb_typeof", json, "boolean"), cast(json.copy(), "boolean"))

    def elements(self, json: exp.Expr, alias: str) -> exp.Expr:
        listed = when(_type_is("jsonb_typeof", json, "array"), json.copy())
        return _rows("jsonb_array_elements", listed, alias)

    def by_code_point(self, text: exp.Expr) -> exp.Expr:
        return exp.paren(exp.Collate(this=text, expression=exp.to_identifier("C", quoted=True)))

    def worded(self, tree: exp.Select) -> exp.Select:
        return tree

    def _unquoted(self, json: exp.Expr) -> exp.Expr:
        """A member at once; of another scalar #>> with an empty path is the only operator that unquotes it."""
        if isinstance(json, exp.JSONExtract):
            return exp.JSONExtractScalar(**json.args)
        empty = cast(exp.Literal.string("{}"), "text[]")
        return exp.JSONBExtractScalar(this=exp.paren(json), expression=empty)


@dataclass(frozen=True, slots=True)
class DuckDB:
    """DuckDB over JSON columns. Its JSON reads numbers beyond 64 bits as doubles: exact to 15 significant digits."""

    name: str = "duckdb"

    def member(self, json: exp.Expr, name: str, bind: Bind) -> exp.Expr:
        """By JSON pointer, for a bare key that starts with $ would be a path; "0" must not index an array."""
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        found = exp.Anonymous(this="json_extract", expressions=[json.copy(), bind(pointer)])
        return when(self._is(json, "OBJECT"), found) if name.isdigit() else found

    def present(self, json: exp.Expr) -> exp.Expr:
        return exp.NEQ(this=self._type(json), expression=exp.Literal.string("NULL"))

    def number(self, json: exp.Expr) -> exp.Expr:
        names = [exp.Literal.string(name) for name in ("UBIGINT", "BIGINT", "DOUBLE")]
        is_number = exp.In(this=self._type(json), expressions=names)
        read = exp.TryCast(this=self._string(json), to=sql_type(DECIMAL).copy())
        return when(is_number, read)

    def text(self, json: exp.Expr) -> exp.Expr:
        return when(self._is(json, "VARCHAR"), self._string(json))

    def words(self, json: exp.Expr) -> exp.Expr:
        return self._string(json)

    def boolean(self, json: exp.Expr) -> exp.Expr:
        read = exp.TryCast(this=self._string(json), to=sql_type("boolean").copy())
        return when(self._is(json, "BOOLEAN"), read)

    def elements(self, json: exp.Expr, alias: str) -> exp.Expr:
        every = exp.Anonymous(this="json_extract", expressions=[json.copy(), exp.Literal.string("$[*]")])
        return _rows("unnest", when(self._is(json, "ARRAY"), every), alias)

    def by_code_point(self, text: exp.Expr) -> exp.Expr:
        return text

    def worded(self, tree: exp.Select) -> exp.Select:
        return tree

    def _is(self, json: exp.Expr, name: str) -> exp.Expr:
        return exp.EQ(this=self._type(json), expression=exp.Literal.string(name))

    def _type(self, json: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="json_type", expressions=self._placed(json))

    def _string(self, json: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="json_extract_string", expressions=self._placed(json))

    def _placed(self, json: exp.Expr) -> list[exp.Expr]:
        """A document and the place of a value in it: to read it there is one look, to take it out first are two."""
        if isinstance(json, exp.Anonymous):
            return [part.copy() for part in json.expressions]
        return [json.copy(), exp.Literal.string("$")]


POSTGRES = Postgres()
DUCKDB = DuckDB()
FUNCTIONS = frozenset(
    {"jsonb_typeof", "json_type", "json_extract", "json_extract_string", "jsonb_array_elements", "unnest"}
)
CONSTANTS = frozenset(
    {"number", "string", "boolean", "array", "null", "OBJECT", "ARRAY", "NULL", "UBIGINT", "BIGINT", "DOUBLE", "VARCHAR",
     "BOOLEAN", "$", "$[*]", "{}", "0", "1", "5", "6", "38", "s", "n", "b", DIGITS, ZEROS, LARGEST, relations.LIVE, relations.GRANTED,
     *SHAPES.values()}
)  # fmt: skip
