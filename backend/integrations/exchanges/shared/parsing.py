"""Reads fields of foreign documents. What does not look as documented raises Malformed, never a KeyError."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from backend.domain.books import Level
from backend.domain.money import ZERO

T = TypeVar("T")


class Malformed(ValueError):
    """An answer that is not shaped as the venue documents it."""


def mapping(value: object, what: str = "answer") -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    return value


def items(value: object, what: str = "answer") -> list[object]:
    if not isinstance(value, list):
        raise Malformed(f"{what} is no list")
    return value


def field(document: Mapping[str, object], name: str) -> object:
    if document.get(name) is None:
        raise Malformed(f"{name} is missing")
    return document[name]


def text(document: Mapping[str, object], name: str) -> str:
    """A non-empty string; an integer is taken as its digits (ids are one or the other)."""
    value = identity(field(document, name))
    if not value:
        raise Malformed(f"{name} is no text")
    return value


def identity(value: object) -> str:
    """An id as text: a non-empty string or a positive integer. Empty for anything else."""
    if isinstance(value, str):
        return value.strip() if _storable(value) else ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else ""


def _storable(value: str) -> bool:
    """JSON can smuggle in halves of characters that no file takes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def number(document: Mapping[str, object], name: str) -> Decimal:
    """An exact finite number, from a string or a JSON number."""
    return as_number(field(document, name), name)


def optional_number(document: Mapping[str, object], name: str) -> Decimal:
    """Like ``number``; absent or null is zero."""
    return ZERO if document.get(name) is None else number(document, name)


def as_number(value: object, what: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Malformed(f"{what} is no number")
    try:
        result = Decimal(value)
    except InvalidOperation:
        raise Malformed(f"{what} is no number") from None
    if not result.is_finite():
        raise Malformed(f"{what} is not finite")
    return result


def positive(document: Mapping[str, object], name: str) -> Decimal:
    value = number(document, name)
    if value <= ZERO:
        raise Malformed(f"{name} is not greater than zero")
    return value


def flag(document: Mapping[str, object], name: str) -> bool:
    value = field(document, name)
    if not isinstance(value, bool):
        raise Malformed(f"{name} is neither true nor false")
    return value


def one_named(rows: Iterable[Mapping[str, object]], name: str, value: str) -> Mapping[str, object] | None:
    """The row whose field ``name`` is ``value``, if there is one. Raises Malformed when there are several."""
    found = [row for row in rows if row.get(name) == value]
    if len(found) > 1:
        raise Malformed(f"{len(found)} orders of one client id")
    return found[0] if found else None


def choice(table: Mapping[str, T], document: Mapping[str, object], name: str) -> T:
    """The value that ``table`` gives for the field's text."""
    value = text(document, name)
    if value not in table:
        raise Malformed(f"{name} {value!r} is not known")
    return table[value]


def levels(value: object, *, descending: bool) -> tuple[Level, ...]:
    """Book levels from ``[[price, quantity, ...], ...]``, best first. A level without quantity is left out."""
    parsed = (_level(items(entry, "level")) for entry in items(value, "book side"))
    return tuple(sorted((lv for lv in parsed if lv.quantity > ZERO), key=lambda lv: lv.price, reverse=descending))


def _level(entry: list[object]) -> Level:
    if len(entry) < 2:
        raise Malformed("level without price and quantity")
    level = Level(as_number(entry[0], "price"), as_number(entry[1], "quantity"))
    if level.price <= ZERO or level.quantity < ZERO:
        raise Malformed("level that is not positive")
    return level


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
