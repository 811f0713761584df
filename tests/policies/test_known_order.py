"""Which order may stand beside the unknown one as a question whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Intent, Side, TimeInForce, VenueOrder
from backend.domain.records import Attempt, IntentRecord
from backend.integrations.exchanges.binance.rules import RULES as BINANCE
from backend.policies.horizon import known_order

NOW = 1_700_010_000.0
OLD_S = 1_000.0
KEPT_S = 90 * 86_400
BOUNDS_S = 120.0
ORDER = VenueOrder(
    venue="binance",
    attempt_id="",
    client_id="",
    symbol="BTC/USDT",
    side=Side.BUY,
    quantity=Decimal(2),
    price=Decimal(100),
    time_in_force=TimeInForce.IOC,
    created_at=NOW - OLD_S,
    not_after=NOW - OLD_S + 5,
)
INTENT = Intent.create(id="a", symbol="BTC/USDT", side="buy", quantity="2")


def record_of(*attempts: Attempt) -> IntentRecord:
    return IntentRecord(INTENT, "hash", IntentState.ACTIVE, NOW, NOW, attempts=attempts)


def tried(number: int, **changes: object) -> Attempt:
    """One that Binance has reported as ended, long enough ago to be visible and not to be forgotten."""
    ended = Attempt(
        id=f"a/{number}",
        intent_id="a",
        number=number,
        order=replace(ORDER, attempt_id=f"a/{number}", client_id=f"{number:032d}"),
        reserved_notional=ORDER.notional,
        state=AttemptState.CLOSED,
        venue_order_id=str(number),
        proof=Proof.TERMINAL_STATE,
        opened_at=NOW - OLD_S,
    )
    return replace(ended, **changes)  # type: ignore[arg-type]


LOST = tried(1, state=AttemptState.UNKNOWN, proof=None, venue_order_id=None)
ELSEWHERE = replace(tried(2).order, venue="kraken")
ANOTHER_MARKET = replace(tried(2).order, symbol="ETH/USDT")


@pytest.mark.parametrize(
    ("other", "fits"),
    [
        (tried(2), True),
        (tried(2, state=AttemptState.WORKING, proof=None), False),
        (tried(2, state=AttemptState.WORKING, proof=None, settled_by="look-up 2"), True),
        (tried(2, state=AttemptState.WORKING, proof=None, filled=Decimal(1)), True),
        (LOST, False),
        (tried(1), False),
        (tried(2, order=ELSEWHERE), False),
        (tried(2, order=ANOTHER_MARKET), False),
        (tried(2, state=AttemptState.UNKNOWN, proof=None), False),
        (tried(2, proof=Proof.DEADLINE), False),
        (tried(2, proof=Proof.OPERATOR), False),
        (tried(2, venue_order_id=None), False),
        (tried(2, opened_at=NOW - BOUNDS_S), False),
        (tried(2, opened_at=NOW - BOUNDS_S - 0.1), True),
        (tried(2, opened_at=NOW - KEPT_S), False),
        (tried(2, opened_at=NOW - KEPT_S + 1), True),
    ],
)
def test_a_known_order_is_one_that_must_be_found(other: Attempt, fits: bool) -> None:
    """Of the same account and market, told of by the venue itself, visible by now and not forgotten yet."""
    assert known_order([record_of(LOST), record_of(other)], LOST, BINANCE, NOW) == (other if fits else None)


def test_of_several_known_orders_the_newest_is_asked_for() -> None:
    """It is the least likely to be forgotten; without any, there is none."""
    newest = tried(3, opened_at=NOW - OLD_S + 1)
    assert known_order([record_of(tried(2)), record_of(newest, tried(4))], LOST, BINANCE, NOW) == newest
    assert known_order([], LOST, BINANCE, NOW) is None
