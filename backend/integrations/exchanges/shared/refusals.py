"""Reads from a refusal whether, and for how long, a venue wants to hear nothing more from us."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from backend.domain.limits import Closing, EndUnit, VenueLimits
from backend.integrations.exchanges.shared.outcomes import VenueError

CLOSED_S_MIN = 1.0
"""A refusal is answered with at least this much silence, even one that ends at once."""
MILLISECONDS_FROM = 10**11
"""An epoch time above this is in milliseconds."""
DIGITS_MAX = 20


def closing_of(closings: Iterable[Closing], status: int, errors: tuple[VenueError, ...]) -> Closing | None:
    """The first closing that an answer with these errors stands for."""
    return next((closing for closing in closings if _fits(closing, status, errors)), None)


def _fits(closing: Closing, status: int, errors: tuple[VenueError, ...]) -> bool:
    if closing.status not in (None, status):
        return False
    if closing.code is None:
        return closing.status is not None
    return any(closing.code == error.code and closing.message in (None, error.message) for error in errors)


def seconds_closed(
    closing: Closing, limits: VenueLimits, headers: Mapping[str, str], errors: Iterable[VenueError], now: float
) -> float:
    """How long to stay away: the latest end that the answer tells, or the pause of its kind; both bounded. ``headers``
    by lower-case names, ``now`` in epoch seconds."""
    told = max(_told(limits, headers, errors, now), default=closing.pause_s)
    return min(max(told, CLOSED_S_MIN), closing.longest_s)


def _told(limits: VenueLimits, headers: Mapping[str, str], errors: Iterable[VenueError], now: float) -> Iterator[float]:
    after = retry_after_s(headers.get("retry-after", ""), headers.get("date", ""), now)
    if after is not None:
        yield after
    for end in limits.ends:
        value = _digits(headers.get(end.header.lower(), ""))
        if value is not None:
            yield value / 1000 - (now if end.unit is EndUnit.EPOCH_MS else 0.0)
    for error in errors if limits.until else ():
        found = re.search(limits.until, error.text or error.message)
        value = None if found is None else _digits(found.group(1))
        if value is not None:
            yield (value / 1000 if value > MILLISECONDS_FROM else value) - now


def retry_after_s(value: str, date: str, now: float) -> float | None:
    """``Retry-After`` in seconds: a number, or a date measured against the answer's own ``Date`` where it has one. None
    for anything else."""
    seconds = _digits(value)
    if seconds is not None:
        return float(seconds)
    until, sent = _http_date(value), _http_date(date)
    return None if until is None else until - (now if sent is None else sent)


def _digits(value: str) -> int | None:
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) <= DIGITS_MAX else None


def _http_date(value: str) -> float | None:
    """Epoch seconds; HTTP dates are in UTC."""
    try:
        parsed: datetime = parsedate_to_datetime(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
