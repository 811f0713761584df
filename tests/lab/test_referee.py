"""The judge of the demo must notice whatever is wrong: each planted difference fails the verdict."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, Intent, Side, TimeInForce, VenueOrder
from backend.domain.reasons import UnknownReason
from backend.domain.records import Attempt, IntentRecord
from backend.lab.referee import LedgerTrade, judge


def attempt(intent_id: str, venue: str = "binance", **changes: object) -> Attempt:
    order = VenueOrder(
        venue=venue,
        attempt_id=f"{intent_id}/1",
        client_id="" if venue == "firi" else f"client-{intent_id}",
        symbol="BTC/USDT",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(100),
        time_in_force=TimeInForce.IOC,
        created_at=1.0,
        not_after=6.0,
    )
    plain = Attempt(
        id=f"{intent_id}/1",
        intent_id=intent_id,
        number=1,
        order=order,
        reserved_notional=Decimal(100),
        state=AttemptState.CLOSED,
        venue_order_id=f"order-{intent_id}",
        proof=Proof.TERMINAL_STATE,
        filled=Decimal(1),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def record(
    intent_id: str, *attempts: Attempt, state: IntentState = IntentState.DONE, filled: str = "1"
) -> IntentRecord:
    intent = Intent.create(id=intent_id, symbol="BTC/USDT", side="buy", quantity=1)
    fills: tuple[Fill, ...] = ()
    if Decimal(filled):
        last = attempts[-1]
        assert last.venue_order_id is not None
        fills = (
            Fill(
                last.venue, "BTC/USDT", last.venue_order_id, f"t-{intent_id}", Side.BUY, Decimal(filled), Decimal(100)
            ),
        )
    return IntentRecord(intent, "hash", state, 1.0, 31.0, attempts=attempts, fills=fills)


def trade(intent_id: str, venue: str = "binance", **changes: object) -> LedgerTrade:
    client = "" if venue == "firi" else f"client-{intent_id}"
    plain = LedgerTrade(
        venue, f"order-{intent_id}", client, f"t-{intent_id}", "BTC/USDT", "buy", Decimal(1), Decimal(100)
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


TWO = [record("a", attempt("a")), record("b", attempt("b", "firi"))]
TRADES = [trade("a"), trade("b", "firi")]


def test_equal_books_pass() -> None:
    """When ledgers and journal agree, the verdict passes and the sums are told."""
    verdict = judge(TWO, TRADES)
    assert verdict.passed
    assert (verdict.intended, verdict.executed, verdict.shortfall) == (Decimal(2), Decimal(2), Decimal(0))


@pytest.mark.parametrize(
    "trades",
    [
        [*TRADES, trade("a", order_id="order-x", client_id="somebody", trade_id="t-x")],
        [*TRADES, trade("a", trade_id="t-extra", quantity=Decimal("0.1"))],
        TRADES[1:],
        TRADES[:1],
        [replace(TRADES[0], quantity=Decimal("0.9")), TRADES[1]],
        [replace(TRADES[0], price=Decimal(101)), TRADES[1]],
        [replace(TRADES[0], trade_id="t-other"), TRADES[1]],
        [TRADES[0], replace(TRADES[1], quantity=Decimal("1.1"))],
        [TRADES[0], replace(TRADES[1], price=Decimal(99))],
        [
            replace(TRADES[0], quantity=Decimal("1.5")),
            replace(TRADES[1], quantity=Decimal("0.5")),
        ],
    ],
    ids=[
        "stranger's order",
        "extra trade",
        "missing trade",
        "missing trade without ids",
        "altered quantity",
        "altered price",
        "altered trade id",
        "altered quantity without ids",
        "altered price without ids",
        "equal sums, wrong places",
    ],
)
def test_a_planted_difference_fails(trades: list[LedgerTrade]) -> None:
    """An extra, missing or altered trade in a ledger fails the verdict."""
    assert not judge(TWO, trades).passed


def test_two_executed_orders_of_one_attempt_are_duplicates() -> None:
    """The same client id executed under two orders counts, even when the sum still fits the intent."""
    halves = [
        trade("a", quantity=Decimal("0.5")),
        trade("a", order_id="order-again", trade_id="t-2", quantity=Decimal("0.5")),
    ]
    verdict = judge([TWO[0]], halves)
    assert verdict.duplicates == 1
    assert not verdict.passed


def test_execution_beyond_the_intent_is_a_duplicate() -> None:
    """Two attempts that both executed in full count as a duplicate."""
    first, second = attempt("a"), replace(attempt("a", "kraken"), id="a/2", number=2)
    both = replace(
        record("a", first),
        attempts=(first, replace(second, order=replace(second.order, client_id="client-a2"))),
    )
    verdict = judge([both], [trade("a"), trade("a", "kraken", client_id="client-a2")])
    assert verdict.duplicates == 1


@pytest.mark.parametrize("venue", ["binance", "firi"])
def test_execution_under_a_parked_attempt_is_told_and_fails(venue: str) -> None:
    """A parked order that was executed after all is not lost, but the run has not passed."""
    open_attempt = attempt(
        "a",
        venue,
        state=AttemptState.UNKNOWN,
        proof=None,
        venue_order_id=None,
        filled=Decimal(0),
        outcome_reason=UnknownReason.TIMEOUT,
    )
    parked = record("a", open_attempt, state=IntentState.PARKED, filled="0")
    verdict = judge([parked], [trade("a", venue)])
    assert (verdict.parked_executed, verdict.lost, verdict.duplicates) == (1, 0, 0)
    assert not verdict.passed


def test_parked_without_execution_passes_as_shortfall() -> None:
    """A parked order that was not executed is a shortfall that is reported, nothing worse."""
    open_attempt = attempt("a", state=AttemptState.UNKNOWN, proof=None, venue_order_id=None, filled=Decimal(0))
    verdict = judge([record("a", open_attempt, state=IntentState.PARKED, filled="0")], [])
    assert verdict.passed
    assert (verdict.parked, verdict.shortfall) == (1, Decimal(1))


def test_an_intent_without_an_end_is_lost() -> None:
    """Every intent must have ended or be parked."""
    verdict = judge([record("a", state=IntentState.ACTIVE, filled="0")], [])
    assert verdict.lost == 1
    assert not verdict.passed
