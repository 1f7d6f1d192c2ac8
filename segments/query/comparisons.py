"""Reading a test of one value: its operator and what it compares with."""

from collections.abc import Collection, Mapping

from segments.query import values
from segments.query.ast import BIRTHDAY, LIST_OPS, ORDER_OPS, PRESENCE_OPS, TEXT_OPS, Flag, Number, Test, Text, Value
from segments.query.problems import Notes, child

MOST_VALUES = 1_000
Json = Mapping[str, object]


def comparison(held: Json, path: str, known: Collection[str], notes: Notes) -> Test | None:
    """The operator and its values, one kind of value throughout."""
    op = held.get("op")
    if not isinstance(op, str) or op not in known:
        notes.add(child(path, "op"), "unknown_op", name=op, known=", ".join(known))
        return None
    if op in PRESENCE_OPS:
        return _presence(op, held, path, notes)
    if "value" not in held:
        notes.add(path, "missing_key", name="value")
        return None
    read = _values(op, held["value"], child(path, "value"), notes)
    return None if read is None else _agreeing(op, read, child(path, "value"), notes)


def _presence(op: str, held: Json, path: str, notes: Notes) -> Test:
    if "value" in held:
        notes.add(child(path, "value"), "surplus_value", op=op)
    return Test(op)


def _values(op: str, value: object, path: str, notes: Notes) -> tuple[Value, ...] | None:
    if op in LIST_OPS or op == "between":
        return _several(op, value, path, notes)
    one = values.next_days(value, path, notes) if op == BIRTHDAY else values.scalar(value, path, notes)
    return None if one is None else (one,)


def _several(op: str, value: object, path: str, notes: Notes) -> tuple[Value, ...] | None:
    listed = values.listed(value, path, notes)
    if listed is None:
        return None
    if op == "between" and len(listed) != 2:
        notes.add(path, "between_pair")
    elif not listed:
        notes.add(path, "empty_list")
    elif len(listed) > MOST_VALUES:
        notes.add(path, "too_many_values", limit=MOST_VALUES)
    else:
        read = [values.scalar(part, child(path, index), notes) for index, part in enumerate(listed)]
        return tuple(part for part in read if part is not None) if None not in read else None
    return None


def _agreeing(op: str, read: tuple[Value, ...], path: str, notes: Notes) -> Test | None:
    # A text beside days ago may be a date; the catalog knows.
    kinds = {"date" if len(read) > 1 and _may_be_date(value, read) else value.kind for value in read}
    if len(kinds) > 1:
        notes.add(path, "mixed_values")
    elif op in TEXT_OPS and kinds != {"string"}:
        notes.add(path, "type", expected="a text")
    elif op in TEXT_OPS and read == (Text(""),):
        notes.add(path, "empty_text")
    elif op in ORDER_OPS and isinstance(read[0], Flag):
        notes.add(path, "op_type", op=op, type="boolean")
    elif op == "between" and _descends(*read):
        notes.add(path, "between_order")
    else:
        return Test(op, read)
    return None


def _may_be_date(value: Value, among: tuple[Value, ...]) -> bool:
    return isinstance(value, Text) and any(other.kind == "date" for other in among)


def _descends(low: Value, high: Value) -> bool:
    return isinstance(low, Number) and isinstance(high, Number) and low.value > high.value
