"""Exact amounts. Orders, prices and fills are Decimal; binary floats are refused at the door."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

from backend.domain.errors import InvalidOrder

ZERO = Decimal(0)
ONE = Decimal(1)
BASIS_POINT = Decimal("0.0001")
DIGITS_MAX = 20


def exact(field: str, value: object) -> Decimal:
    """The Decimal of a Decimal, int or numeric string.

    Raises InvalidOrder naming ``field`` for a float (0.1 is not one tenth), NaN, infinity or anything else.
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        kind = type(value).__name__
        raise InvalidOrder(field, f"{value!r} is a {kind}; pass a Decimal or a string, so that no digit is lost")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise InvalidOrder(field, f"{value!r} is not a number") from None
    if not number.is_finite():
        raise InvalidOrder(field, f"{value!r} is not a finite number")
    if len(number.as_tuple().digits) > DIGITS_MAX:
        raise InvalidOrder(field, f"{value!r} has more than {DIGITS_MAX} digits, which sums could not keep exact")
    return number


def positive(field: str, value: object) -> Decimal:
    """Like ``exact``, and greater than zero."""
    number = exact(field, value)
    if number <= ZERO:
        raise InvalidOrder(field, f"{value} is not greater than zero")
    return number


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``value``."""
    return (value / step).to_integral_value(rounding=ROUND_FLOOR) * step


def ceil_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of ``step`` that is not below ``value``."""
    return (value / step).to_integral_value(rounding=ROUND_CEILING) * step


def plain(value: Decimal) -> str:
    """The number without exponent and without trailing zeros: what a venue's text field takes."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
