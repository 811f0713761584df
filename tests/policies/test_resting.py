"""When a resting order leaves the book, and when it is looked at next."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from backend.domain.lifecycle import AttemptState, Proof
from backend.domain.orders import Intent
from backend.domain.reasons import DropReason
from backend.domain.records import Drop, IntentRecord
from backend.policies.resting import (
    PASSING,
    REST_LOOK_S,
    SILENT_LOOKS_MAX,
    Leave,
    look_interval_s,
    next_look_s,
    waits_for_a_venue,
    why_leave,
)
from tests.policies.test_reroute import attempt, record


@pytest.mark.parametrize(
    ("now", "cancel_requested", "silent_looks", "too_much", "expected"),
    [
        (99.9, False, 0, False, None),
        (99.9, False, SILENT_LOOKS_MAX - 1, False, None),
        (99.9, True, 0, False, Leave.CANCEL_REQUESTED),
        (100.0, False, 0, False, Leave.EXPIRED),
        (99.9, False, SILENT_LOOKS_MAX, False, Leave.VENUE_SILENT),
        (100.0, True, SILENT_LOOKS_MAX, False, Leave.CANCEL_REQUESTED),
        (99.9, False, 0, True, Leave.TOO_MUCH),
        (100.0, True, SILENT_LOOKS_MAX, True, Leave.TOO_MUCH),
    ],
)
def test_the_first_reason_counts(
    now: float, cancel_requested: bool, silent_looks: int, too_much: bool, expected: Leave | None
) -> None:
    """What must not execute, a caller's word, the order's end, a venue that has not answered often enough."""
    found = why_leave(
        now=now,
        valid_until=100.0,
        cancel_requested=cancel_requested,
        silent_looks=silent_looks,
        too_much=too_much,
    )
    assert found is expected


@pytest.mark.parametrize(("left", "expected"), [(60.0, REST_LOOK_S), (0.25, 0.25), (-5.0, 0.0)])
def test_the_last_look_is_at_the_end(left: float, expected: float) -> None:
    """It never sleeps past its end."""
    assert next_look_s(1_000.0, 1_000.0 + left) == expected


@pytest.mark.parametrize("reason", DropReason)
@pytest.mark.parametrize("force", ["gtc", "ioc"])
@pytest.mark.parametrize("started", [True, False])
def test_only_a_resting_order_that_lost_its_place_waits_for_a_venue(
    reason: DropReason, force: str, started: bool
) -> None:
    """And only while some venue is out for a reason that may pass."""
    done = (attempt(AttemptState.CLOSED, Proof.TERMINAL_STATE, "0.5"),) if started else ()
    waits = waits_for_a_venue(
        _wanting(force, record(*done)), [Drop("kraken", reason), Drop("okx", DropReason.NOT_LISTED)]
    )
    assert waits == (force == "gtc" and started and reason in PASSING)


def test_an_order_without_a_remainder_waits_for_nobody() -> None:
    """Filled is filled."""
    whole = _wanting("gtc", record(attempt(AttemptState.CLOSED, Proof.TERMINAL_STATE, "2")))
    assert not waits_for_a_venue(whole, [Drop("kraken", DropReason.UNHEALTHY)])


def _wanting(force: str, found: IntentRecord) -> IntentRecord:
    values = {"id": "a", "symbol": "BTC/USDT", "side": "buy", "quantity": Decimal(2), "time_in_force": force}
    limit = Intent.create(**values, order_type="limit", limit_price=100, valid_until=30.0)  # type: ignore[arg-type]
    return replace(found, intent=limit)


@pytest.mark.parametrize(("unasked", "expected"), [(0, 1.0), (1, 2.0), (3, 8.0), (50, 8.0)])
def test_looks_that_find_no_room_come_less_often(unasked: int, expected: float) -> None:
    """But never stop."""
    assert look_interval_s(unasked) == expected * REST_LOOK_S
