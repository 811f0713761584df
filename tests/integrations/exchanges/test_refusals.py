"""How long a refusal means: headers, dates and words, bounded, and strange ones ignored."""

from __future__ import annotations

import pytest

from backend.domain.limits import Closing, EndHeader, EndUnit, VenueLimits
from backend.integrations.exchanges.factory import RULES
from backend.integrations.exchanges.shared.outcomes import VenueError
from backend.integrations.exchanges.shared.refusals import closing_of, retry_after_s, seconds_closed

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
LIMITS = VenueLimits(ends=(EndHeader("X-End", EndUnit.EPOCH_MS),), until=r"until (\d+)")


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("30", "", 30.0),
        (" 30 ", "", 30.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", "", 30.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", "Tue, 14 Nov 2023 22:13:40 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", "", -10.0),
        ("", "", None),
        ("soon", "", None),
        ("-5", "", None),
        ("1e3", "", None),
        ("9" * 30, "", None),
        ("Tue, 99 Nov 2023 22:13:50 GMT", "", None),
    ],
)
def test_retry_after(value: str, date: str, seconds: float | None) -> None:
    """A number of seconds, or a date, measured by the answer's own clock where it has one."""
    assert retry_after_s(value, date, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "words", "seconds"),
    [
        ({}, "", 20.0),
        ({"retry-after": "5"}, "", 5.0),
        ({"retry-after": "5", "x-end": str(int((NOW + 8) * 1000))}, "", 8.0),
        ({}, f"banned until {int((NOW + 40) * 1000)}", 40.0),
        ({}, f"banned until {int(NOW + 40)}", 40.0),
        ({}, "banned until tomorrow", 20.0),
        ({"retry-after": "0"}, "", 1.0),
        ({"x-end": str(int((NOW - 8) * 1000))}, "", 1.0),
        ({"retry-after": "100000"}, "", 60.0),
    ],
)
def test_how_long_the_venue_is_left_alone(headers: dict[str, str], words: str, seconds: float) -> None:
    """The latest end that is told, else the pause; never shorter than a second or longer than the kind's bound."""
    closing = Closing(status=429, pause_s=20.0, longest_s=60.0)
    told = seconds_closed(closing, LIMITS, headers, (VenueError("c", words),), NOW)
    assert told == pytest.approx(seconds)


def test_the_first_closing_that_fits_counts() -> None:
    """By status, by code, by code and exact words; an answer that fits none closes nothing."""
    closings = (
        Closing(status=429, code="a", message="exact"),
        Closing(code="b"),
        Closing(status=429),
    )

    def place(status: int, *errors: VenueError) -> int | None:
        found = closing_of(closings, status, errors)
        return None if found is None else closings.index(found)

    assert place(429, VenueError("a", "exact")) == 0
    assert place(429, VenueError("a", "other")) == 2
    assert place(200, VenueError("x", ""), VenueError("b", "")) == 1
    assert place(200, VenueError("a", "exact")) is None
    assert place(400) is None


@pytest.mark.parametrize("venue", RULES)
def test_every_venues_limits_leave_room(venue: str) -> None:
    """Whatever the venue documents: the limits are consistent, and too many requests always mean silence."""
    limits = RULES[venue].call_limits
    assert limits.pools
    assert closing_of(limits.closings, 429, ()) is not None
