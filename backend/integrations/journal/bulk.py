"""Several rows of a table in one statement: a statement costs about as much as a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain

AT_ONCE = 16
"""Rows of a full statement. What is left over goes row by row, so that each table has two statements to be kept
prepared; more rows at once save next to nothing."""


def insert(db: sqlite3.Connection, into: str, rows: Sequence[tuple[object, ...]]) -> None:
    """``into``: a table and the columns that are given. All rows or, with an error of the database, not all of them:
    the caller's unit of work is rolled back then."""
    whole = len(rows) - len(rows) % AT_ONCE
    for start in range(0, whole, AT_ONCE):
        values = tuple(chain.from_iterable(rows[start : start + AT_ONCE]))
        db.execute(_statement(into, len(rows[0]), AT_ONCE), values)
    for row in rows[whole:]:
        db.execute(_statement(into, len(row), 1), row)


@cache
def _statement(into: str, columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * rows)}"  # noqa: S608 - own names
