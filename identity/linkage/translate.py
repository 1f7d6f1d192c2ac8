"""SQL expressions to Python source that computes what DuckDB computes, or a refusal.

SQL's logic has three values; each condition is asked one question only, whether it is true (or whether it is false),
so that the Python has two. Strings count code points in `length` and `substr`; distances count bytes of UTF-8.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Literal

import sqlglot
from rapidfuzz.distance import DamerauLevenshtein, Jaro, Levenshtein
from sqlglot import exp

Kind = Literal["text", "integer", "real", "null"]


class Untranslatable(ValueError):
    """SQL that has no exact counterpart here. The message names the construct."""


@dataclass(frozen=True, slots=True)
class Column:
    """Source that gives a column's text or None, and source that gives its UTF-8 where it is not None."""

    text: str
    utf8: str


@dataclass(frozen=True, slots=True)
class Value:
    """Source of a value that is right where every one of `guards` holds; elsewhere it is null. Guards run first."""

    code: str
    kind: Kind
    guards: tuple[str, ...] = ()

    @property
    def guard(self) -> str:
        """Source that is true where the value is not null."""
        return " and ".join(self.guards) or "True"

    @property
    def or_none(self) -> str:
        """Source of the value, None where it is null."""
        known = not self.guards or self.bare or self.kind == "null"
        return self.code if known else f"({self.code} if {self.guard} else None)"

    @property
    def bare(self) -> bool:
        """Whether the code can be run without its guards and gives None then."""
        return self.guards == (f"{self.code} is not None",)


class Translator:
    """Translates expressions over `columns` (SQL name to source). Raises Untranslatable, never guesses."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        self._numbers = count(1)
        self._distances: dict[str, str] = {}

    @property
    def unknown(self) -> str:
        """Statement that stands before all conditions: no distance is computed yet."""
        return " = ".join([*self._distances.values(), "None"])

    def condition(self, sql: str) -> str:
        """Source that is true exactly where the condition is true: neither false nor null."""
        return self._holds(_parse(sql), wanted=True)

    def value(self, sql: str) -> Value:
        """The value of an expression."""
        return self._value(_parse(sql))

    def _holds(self, node: exp.Expr, *, wanted: bool) -> str:
        """Source that is true exactly where `node` is `wanted`: false where it is the contrary or null."""
        match node:
            case exp.Paren():
                return self._holds(node.this, wanted=wanted)
            case exp.Not():
                return self._holds(node.this, wanted=not wanted)
            case exp.And() | exp.Or():
                return self._connected(node, wanted)
            case exp.Boolean():
                return str(node.this == wanted)
            case exp.Is():
                return self._is_null(node, wanted)
            case exp.Coalesce():
                return self._first_known(_arguments(node), wanted)
            case exp.In() | exp.Between():
                return self._holds(_spelt_out(node), wanted=wanted)
            case exp.StartsWith():
                return self._starts(node, wanted)
        if type(node) in _OPERATORS:
            return self._compared(node, wanted)
        raise _refused(node)

    def _connected(self, node: exp.Expr, wanted: bool) -> str:
        """`and` is true when both are, false when one is; `or` the other way round."""
        word = "and" if isinstance(node, exp.And) == wanted else "or"
        left, right = self._holds(node.this, wanted=wanted), self._holds(node.expression, wanted=wanted)
        return f"({left} {word} {right})"

    def _is_null(self, node: exp.Expr, wanted: bool) -> str:
        if not isinstance(node.expression, exp.Null):
            raise _refused(node)
        guard = self._value(node.this).guard
        return f"(not ({guard}))" if wanted else f"({guard})"

    def _first_known(self, nodes: list[exp.Expr], wanted: bool) -> str:
        first, *rest = nodes
        found = self._holds(first, wanted=wanted)
        if not rest or _is_boolean(rest[0], not wanted):
            return found
        possible = f"not {self._holds(first, wanted=not wanted)}"
        if _is_boolean(rest[0], wanted):
            return f"({possible})"
        return f"({found} or {possible} and {self._first_known(rest, wanted)})"

    def _starts(self, node: exp.Expr, wanted: bool) -> str:
        text, start = self._texts(node, node.this, node.expression)
        tested = f"{text.code}.startswith({start.code})"
        return _all([*text.guards, *start.guards, tested if wanted else f"not {tested}"])

    def _compared(self, node: exp.Expr, wanted: bool) -> str:
        left, right = self._value(node.this), self._value(node.expression)
        _kind(node, left, right)
        operator = _OPERATORS[type(node)][not wanted]
        guards = [*left.guards, *right.guards]
        if operator == "==" and (left.bare or right.bare):  # None equals nothing that is known
            guards = [*(left if right.bare else right).guards]
        return _all([*guards, f"{left.code} {operator} {right.code}"])

    def _value(self, node: exp.Expr) -> Value:
        return _VALUES.get(type(node), Translator._distance)(self, node)

    def _inner(self, node: exp.Expr) -> Value:
        return self._value(node.this)

    def _null(self, _: exp.Expr) -> Value:
        return Value("None", "null", ("False",))

    def _literal(self, node: exp.Expr) -> Value:
        if node.is_string:
            return Value(repr(node.name), "text")
        if node.name.isdecimal():
            return Value(node.name, "integer")
        return Value(repr(float(node.name)), "real")

    def _length(self, node: exp.Expr) -> Value:
        (text,) = self._texts(node, node.this)
        return Value(f"len({text.code})", "integer", text.guards)

    def _piece(self, node: exp.Expr) -> Value:
        (text,) = self._texts(node, node.this)
        return Value(f"{text.code}[{_slice(node)}]", "text", text.guards)

    def _column(self, node: exp.Expr) -> Value:
        _only(node, "this")
        code = self._source(node).text
        return Value(code, "text", (f"{code} is not None",))

    def _source(self, node: exp.Expr) -> Column:
        if node.name not in self._columns:
            raise Untranslatable(f"unknown column {node.name}")
        return self._columns[node.name]

    def _joined(self, node: exp.Expr) -> Value:
        left, right = self._texts(node, node.this, node.expression)
        return Value(f"({left.code} + {right.code})", "text", left.guards + right.guards)

    def _sum(self, node: exp.Expr) -> Value:
        """Integers only: DuckDB adds decimals exactly, Python's floats do not."""
        parts = [self._value(part) for part in (node.this, node.args.get("expression")) if part is not None]
        if _kind(node, *parts) != "integer":
            raise _refused(node)
        codes = [part.code for part in parts]
        code = _SUMS[type(node)].format(*codes)
        return Value(code, "integer", tuple(guard for part in parts for guard in part.guards))

    def _chosen(self, node: exp.Expr) -> Value:
        """The least, greatest or first of the arguments that are known."""
        values = [self._value(argument) for argument in _arguments(node)]
        kind = _kind(node, *values)
        listed = ", ".join(value.or_none for value in values)
        return self._bound(f"{_CHOICES[type(node)]}({listed})", kind)

    def _case(self, node: exp.Expr) -> Value:
        if isinstance(node, exp.Nullif):
            node = exp.case().when(exp.EQ(this=node.this, expression=node.expression), exp.null()).else_(node.this)
        _only(node, "ifs", "default")
        branches = [(branch.this, self._value(branch.args["true"])) for branch in node.args["ifs"]]
        code = last = self._value(node.args.get("default") or exp.null())
        text = last.or_none
        for condition, value in reversed(branches):
            text = f"({value.or_none} if {self._holds(condition, wanted=True)} else {text})"
        return self._bound(text, _kind(node, code, *(value for _, value in branches)))

    def _bound(self, code: str, kind: Kind) -> Value:
        """A value whose code may itself give None: its guard computes it, once."""
        name = f"v{next(self._numbers)}"
        return Value(name, kind, (f"({name} := {code}) is not None",))

    def _distance(self, node: exp.Expr) -> Value:
        name = node.name.lower() if isinstance(node, exp.Anonymous) else node.key
        if name not in _DISTANCES:
            raise _refused(node)
        arguments = node.expressions if isinstance(node, exp.Anonymous) else [node.this, node.expression]
        function, kind = _DISTANCES[name]
        texts = self._texts(node, *arguments)
        if len(texts) != 2:
            raise _refused(node)
        codes = [self._utf8(argument, text) for argument, text in zip(arguments, texts, strict=True)]
        return Value(self._once(f"{function}({', '.join(codes)})"), kind, texts[0].guards + texts[1].guards)

    def _once(self, code: str) -> str:
        """Source that computes a costly value when it is first asked for: several levels ask for one distance."""
        name = self._distances.setdefault(code, f"d{len(self._distances) + 1}")
        return f"({name} if {name} is not None else ({name} := {code}))"

    def _utf8(self, node: exp.Expr, text: Value) -> str:
        return self._source(node).utf8 if isinstance(node, exp.Column) else f"{text.code}.encode()"

    def _texts(self, node: exp.Expr, *arguments: exp.Expr) -> list[Value]:
        _only(node, *_ARGUMENTS.get(type(node), ("this", "expression")))
        values = [self._value(argument) for argument in arguments]
        if any(value.kind != "text" for value in values):
            raise _refused(node)
        return values


_VALUES: Final[Mapping[type, Callable[[Translator, exp.Expr], Value]]] = {
    exp.Paren: Translator._inner,
    exp.Column: Translator._column,
    exp.Literal: Translator._literal,
    exp.Null: Translator._null,
    exp.Length: Translator._length,
    **dict.fromkeys((exp.Substring, exp.Left, exp.Right), Translator._piece),
    exp.DPipe: Translator._joined,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Neg, exp.Abs), Translator._sum),
    **dict.fromkeys((exp.Least, exp.Greatest, exp.Coalesce), Translator._chosen),
    **dict.fromkeys((exp.Case, exp.Nullif), Translator._case),
}
_OPERATORS: Final[Mapping[type, tuple[str, str]]] = {
    exp.EQ: ("==", "!="), exp.NEQ: ("!=", "=="), exp.LT: ("<", ">="), exp.GTE: (">=", "<"),
    exp.GT: (">", "<="), exp.LTE: ("<=", ">"),
}  # fmt: skip
_SUMS: Final[Mapping[type, str]] = {
    exp.Add: "({} + {})", exp.Sub: "({} - {})", exp.Neg: "(-{})", exp.Abs: "abs({})"
}  # fmt: skip
_CHOICES: Final[Mapping[type, str]] = {exp.Least: "least", exp.Greatest: "greatest", exp.Coalesce: "coalesce"}
# What a node may hold; `safe` and `ignore_nulls` are how DuckDB always behaves.
_ARGUMENTS: Final[Mapping[type, tuple[str, ...]]] = {
    exp.Length: ("this",),
    exp.Substring: ("this", "start", "length"),
    exp.DPipe: ("this", "expression", "safe"),
    exp.Anonymous: ("this", "expressions"),
}
_DISTANCES: Final[Mapping[str, tuple[str, Kind]]] = {
    "jarowinklersimilarity": ("jaro_winkler", "real"),
    "jaro_similarity": ("jaro", "real"),
    "damerau_levenshtein": ("damerau_levenshtein", "integer"),
    "levenshtein": ("levenshtein", "integer"),
}


def _parse(sql: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.ParseError as error:
        raise Untranslatable(f"not a SQL expression: {sql}") from error


def _refused(node: exp.Expr) -> Untranslatable:
    return Untranslatable(f"{node.key}: {node.sql(dialect='duckdb')}")


def _only(node: exp.Expr, *names: str) -> None:
    """Refuse a node that holds more than `names`: an option that would change its meaning."""
    if any(held not in (None, False, []) and name not in names for name, held in node.args.items()):
        raise _refused(node)


def _is_boolean(node: exp.Expr, value: bool) -> bool:
    return isinstance(node, exp.Boolean) and node.this == value


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    _only(node, "this", "expressions", "ignore_nulls")
    return [node.this, *node.expressions]


def _kind(node: exp.Expr, *values: Value) -> Kind:
    """The kind of all values. DuckDB would cast between text and numbers, with errors; that is refused."""
    kinds = {value.kind for value in values} - {"null"}
    if kinds == {"integer", "real"}:
        return "real"
    if len(kinds) != 1:
        raise _refused(node)
    return kinds.pop()


def _all(conditions: list[str]) -> str:
    return f"({' and '.join(dict.fromkeys(conditions))})"


def _spelt_out(node: exp.Expr) -> exp.Expr:
    """`in` and `between` as comparisons."""
    if isinstance(node, exp.In):
        _only(node, "this", "expressions")
        return exp.or_(*(exp.EQ(this=node.this, expression=item) for item in node.expressions))
    _only(node, "this", "low", "high")
    low, high = node.args["low"], node.args["high"]
    return exp.and_(exp.GTE(this=node.this, expression=low), exp.LTE(this=node.this, expression=high))


def _slice(node: exp.Expr) -> str:
    """Python's slice for substr, left and right. Position 0 is before the first character, -1 is the last one."""
    if not isinstance(node, exp.Substring):
        size = _integer(node, node.expression)
        return f":{size}" if isinstance(node, exp.Left) else f"{-size}:" if size else ":0"
    start, length = _integer(node, node.args["start"], signed=True), node.args.get("length")
    first = max(start - 1, 0) if start >= 0 else start
    if length is None:
        return f"{first}:"
    stop = (start - 1 if start >= 0 else start) + _integer(node, length)
    return f"{first}:{max(stop, 0)}" if start >= 0 else f"{first}:{stop if stop < 0 else ''}"


def _integer(owner: exp.Expr, node: exp.Expr, *, signed: bool = False) -> int:
    """A literal integer; positions and sizes that depend on data are refused."""
    sign, digits = (-1, node.this) if signed and isinstance(node, exp.Neg) else (1, node)
    if not isinstance(digits, exp.Literal) or digits.is_string or not digits.name.isdecimal():
        raise _refused(owner)
    return sign * int(digits.name)


def jaro_winkler(left: bytes, right: bytes) -> float:
    """DuckDB's jaro_winkler_similarity, to the last bit (Winkler 1990): two empty texts have nothing in common, and a
    similarity above 0.7 is raised by a tenth of the lack for each of up to four equal leading bytes."""
    similarity: float = Jaro.similarity(left, right)
    if similarity <= 0.7:
        return similarity
    shortest = min(4, len(left), len(right))
    prefix = next((at for at in range(shortest) if left[at] != right[at]), shortest)
    if not prefix:
        return similarity if left else 0.0
    return _fused(prefix * 0.1, 1.0 - similarity, similarity)


def _fused(one: float, other: float, added: float) -> float:
    """one · other + added, rounded once, as DuckDB's machine code does; levels cut at values where this shows."""
    (a, b), (c, d), (e, f) = one.as_integer_ratio(), other.as_integer_ratio(), added.as_integer_ratio()
    return (a * c * f + e * b * d) / (b * d * f)


def jaro(left: bytes, right: bytes) -> float:
    """DuckDB's jaro_similarity: rapidfuzz's, but two empty texts have nothing in common."""
    return Jaro.similarity(left, right) if left else 0.0


def least(*values: Any) -> Any:
    """The least value that is not None; None when there is none."""
    return min((value for value in values if value is not None), default=None)


def greatest(*values: Any) -> Any:
    """The greatest value that is not None; None when there is none."""
    return max((value for value in values if value is not None), default=None)


def coalesce(*values: Any) -> Any:
    """The first value that is not None; None when there is none."""
    return next((value for value in values if value is not None), None)


# What translated source calls.
FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "jaro_winkler": jaro_winkler,
    "jaro": jaro,
    "damerau_levenshtein": DamerauLevenshtein.distance,
    "levenshtein": Levenshtein.distance,
    "least": least,
    "greatest": greatest,
    "coalesce": coalesce,
}
