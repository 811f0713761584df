"""When a resting order leaves the book, and when it is looked at next."""

from __future__ import annotations

import pytest

from backend.policies.resting import REST_LOOK_S, SILENT_LOOKS_MAX, Leave, next_look_s, why_leave


@pytest.mark.parametrize(
    ("now", "cancel_requested", "silent_looks", "expected"),
    [
        (99.9, False, 0, None),
        (99.9, False, SILENT_LOOKS_MAX - 1, None),
        (99.9, True, 0, Leave.CANCEL_REQUESTED),
        (100.0, False, 0, Leave.EXPIRED),
        (99.9, False, SILENT_LOOKS_MAX, Leave.VENUE_SILENT),
        (100.0, True, SILENT_LOOKS_MAX, Leave.CANCEL_REQUESTED),
    ],
)
def test_the_first_reason_counts(now: float, cancel_requested: bool, silent_looks: int, expected: Leave | None) -> None:
    """A caller's word, then the order's end, then a venue that has not answered often enough."""
    found = why_leave(now=now, valid_until=100.0, cancel_requested=cancel_requested, silent_looks=silent_looks)
    assert found is expected


@pytest.mark.parametrize(("left", "expected"), [(60.0, REST_LOOK_S), (0.25, 0.25), (-5.0, 0.0)])
def test_the_last_look_is_at_the_end(left: float, expected: float) -> None:
    """It never sleeps past its end."""
    assert next_look_s(1_000.0, 1_000.0 + left) == expected
