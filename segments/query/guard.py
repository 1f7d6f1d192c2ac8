"""The allow-list, checked again on the finished tree: whatever a rule said, only known words are printed."""

import re
from collections.abc import Collection

from sqlglot import exp

from segments.query import measures, relations, sequences, spark
from segments.query.dialects import CONSTANTS, ELEMENT, FUNCTIONS
from segments.query.happenings import WEEKDAY

ALIASES = re.compile(r"p|t|e|r|[smtv]\d+")
WORDS = relations.TABLES | relations.COLUMNS | sequences.WORDS | measures.WORDS | {"C", "fits", ELEMENT}


class UnsafeQuery(RuntimeError):
    """A defect of ours: the tree holds a word that no rule can have put there. Its text quotes nothing."""


def guard(tree: exp.Expr, parameters: Collection[str]) -> None:
    """Raise `UnsafeQuery` unless every identifier, literal, function and parameter of a tree is one of ours."""
    for node in tree.walk():
        if not _is_known(node, parameters):
            raise UnsafeQuery(f"unknown {type(node).__name__} in a rule's query")


def _is_known(node: exp.Expr, parameters: Collection[str]) -> bool:
    match node:
        case exp.Placeholder():
            return node.name in parameters
        case exp.Identifier():
            return node.name in WORDS or bool(ALIASES.fullmatch(node.name))
        case exp.Literal():
            return node.name in CONSTANTS or node.name in spark.CONSTANTS
        case exp.Anonymous():
            return node.name.lower() in FUNCTIONS or node.name in spark.FUNCTIONS
        case exp.Var():
            return node.name in (WEEKDAY, spark.ISO_WEEKDAY)
        case exp.Command() | exp.Comment():
            return False
        case _:
            return not node.comments
