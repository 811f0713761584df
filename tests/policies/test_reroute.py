"""What follows an outcome, as a table: who may move, what may be believed, and how an intent ends."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, Intent, OrderReport, OrderStatus, Side, TimeInForce, VenueOrder
from backend.domain.outcomes import Accepted, Evidence, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import DropReason, EndReason, HealthClass, RejectReason, UnknownReason
from backend.domain.records import Attempt, Drop, IntentRecord, Leg
from backend.policies.reroute import (
    PROOF_DELAYS_S,
    attempt_state,
    contradiction,
    ending,
    lookup_times,
    may_move,
    proof_of,
    relief,
    settle_delays,
)

EVIDENCE = Evidence(headers_written=True, status=400)
ORDER = VenueOrder(
    venue="binance",
    attempt_id="a/1",
    client_id="c1",
    symbol="BTC/USDT",
    side=Side.BUY,
    quantity=Decimal(2),
    price=Decimal(100),
    time_in_force=TimeInForce.IOC,
    created_at=0.0,
    not_after=5.0,
)
REPORT = OrderReport(
    venue="binance",
    symbol="BTC/USDT",
    venue_order_id="1",
    client_id="c1",
    side=Side.BUY,
    quantity=Decimal(2),
    filled=Decimal(1),
    status=OrderStatus.CANCELED,
)


def attempt(state: AttemptState, proof: Proof | None, filled: str = "0") -> Attempt:
    return Attempt("a/1", "a", 1, ORDER, Decimal(200), state, proof=proof, filled=Decimal(filled))


def record(*attempts: Attempt) -> IntentRecord:
    intent = Intent.create(id="a", symbol="BTC/USDT", side="buy", quantity="2")
    fills = tuple(_fill(one.filled) for one in attempts if one.filled)
    return IntentRecord(intent, "h", IntentState.ACTIVE, 0.0, 30.0, attempts=attempts, fills=fills)


def _fill(quantity: Decimal) -> Fill:
    return Fill("binance", "BTC/USDT", "1", "t1", Side.BUY, quantity, Decimal(100))


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Accepted("1", EVIDENCE), AttemptState.WORKING),
        (ProvenNotExecuted(RejectReason.NOT_SENT, EVIDENCE, HealthClass.FAILED), AttemptState.REJECTED),
        (Unknown(UnknownReason.TIMEOUT, EVIDENCE), AttemptState.UNKNOWN),
    ],
)
def test_what_an_outcome_makes_of_the_attempt(outcome: Outcome, state: AttemptState) -> None:
    """Three outcomes, three states; only the proven one ends it."""
    assert attempt_state(outcome) is state


@pytest.mark.parametrize("reason", RejectReason)
def test_only_a_byte_that_never_left_is_not_sent(reason: RejectReason) -> None:
    """Every other proven refusal is the venue's own word."""
    expected = Proof.NOT_SENT if reason is RejectReason.NOT_SENT else Proof.DEFINITE_REJECT
    assert proof_of(ProvenNotExecuted(reason, EVIDENCE, HealthClass.OURS)) is expected


@given(st.lists(st.tuples(st.sampled_from(AttemptState), st.none() | st.sampled_from(Proof)), max_size=4))
def test_an_order_moves_only_when_every_attempt_is_proven(states: list[tuple[AttemptState, Proof | None]]) -> None:
    """One attempt that is open, unknown or without proof is enough to keep it."""
    moves = may_move(record(*(attempt(state, proof) for state, proof in states)))
    assert moves == all(state.ended and proof is not None for state, proof in states)


@pytest.mark.parametrize(
    ("changes", "booked", "complaint"),
    [
        ({}, "0", None),
        ({}, "1", None),
        ({"client_id": None}, "0", None),
        ({"symbol": "ETH/USDT"}, "0", "it is about"),
        ({"side": Side.SELL}, "0", "it is about"),
        ({"quantity": Decimal(3)}, "0", "it is about"),
        ({"client_id": "c2"}, "0", "client id c2"),
        ({"filled": Decimal(-1)}, "0", "-1 of 2"),
        ({"filled": Decimal(3)}, "0", "3 of 2"),
        ({}, "1.5", "1.5 is booked"),
        ({"status": OrderStatus.FILLED}, "0", "only 1 of 2"),
        ({"status": OrderStatus.FILLED, "filled": Decimal(2)}, "0", None),
        ({"status": OrderStatus.REJECTED}, "0", "rejected, but 1"),
        ({"status": OrderStatus.REJECTED, "filled": Decimal(0)}, "0", None),
    ],
)
def test_a_report_that_cannot_be_true(changes: dict[str, object], booked: str, complaint: str | None) -> None:
    """About another order, impossible in itself, or less than what is booked: nothing is concluded from it."""
    found = contradiction(ORDER, replace(REPORT, **changes), booked=Decimal(booked))  # type: ignore[arg-type]
    assert (found is None) == (complaint is None)
    assert complaint is None or complaint in str(found)


def drops(*reasons: DropReason) -> list[Drop]:
    return [Drop("v", reason) for reason in reasons]


FILLED_PART = attempt(AttemptState.CLOSED, Proof.TERMINAL_STATE, "1")
NOTHING_FILLED = attempt(AttemptState.CLOSED, Proof.TERMINAL_STATE)
REFUSED = attempt(AttemptState.REJECTED, Proof.DEFINITE_REJECT)
SHORT, REJECTED = IntentState.DONE_SHORT, IntentState.REJECTED


@pytest.mark.parametrize(
    ("attempts", "dropped", "expired", "cancelled", "expected"),
    [
        (
            [attempt(AttemptState.CLOSED, Proof.TERMINAL_STATE, "2")],
            [],
            True,
            True,
            (IntentState.DONE, EndReason.FILLED),
        ),
        ([FILLED_PART], [], False, True, (SHORT, EndReason.CANCELLED)),
        ([FILLED_PART], [], True, False, (SHORT, EndReason.EXPIRED)),
        ([FILLED_PART], drops(DropReason.UNDER_MINIMUM), False, False, (SHORT, EndReason.DUST)),
        (
            [FILLED_PART],
            drops(DropReason.UNDER_MINIMUM, DropReason.UNHEALTHY, DropReason.ALREADY_TRIED),
            False,
            False,
            (SHORT, EndReason.DUST),
        ),
        (
            [FILLED_PART],
            drops(DropReason.UNDER_MINIMUM, DropReason.PRICE_OUT_OF_BOUND),
            False,
            False,
            (SHORT, EndReason.LIQUIDITY),
        ),
        ([NOTHING_FILLED], [], False, False, (SHORT, EndReason.LIQUIDITY)),
        ([REFUSED], [], False, True, (REJECTED, EndReason.CANCELLED)),
        ([REFUSED], [], True, False, (REJECTED, EndReason.EXPIRED)),
        ([REFUSED], drops(DropReason.UNHEALTHY), False, False, (REJECTED, EndReason.REJECTED_BY_VENUE)),
        ([], drops(DropReason.UNHEALTHY, DropReason.NO_ADAPTER), False, False, (REJECTED, EndReason.ALL_DOWN)),
        ([], drops(DropReason.UNHEALTHY, DropReason.OVER_CAP), False, False, (REJECTED, EndReason.OVER_CAP)),
        ([], drops(DropReason.NOT_LISTED), False, False, (REJECTED, EndReason.NO_USABLE_VENUE)),
    ],
)
def test_how_an_intent_ends(
    attempts: list[Attempt],
    dropped: list[Drop],
    expired: bool,
    cancelled: bool,
    expected: tuple[IntentState, EndReason],
) -> None:
    """The whole quantity is done whatever else; a part is short with the nearest reason; nothing is rejected."""
    assert ending(record(*attempts), dropped, expired=expired, cancelled=cancelled) == expected


@pytest.mark.parametrize("window_s", [0.2, 1.0, 21.0, 60.0, 200.0])
@pytest.mark.parametrize("provable_s", [inf, -3.0, 5.0, 45.0])
def test_look_ups_reach_the_windows_end_and_crowd_where_a_proof_begins(window_s: float, provable_s: float) -> None:
    """In order, never after the window, and often around the moment from which an absence can be proven."""
    times = lookup_times(window_s, provable_s)
    assert times == tuple(sorted(times))
    assert times[-1] == window_s
    assert min(times) > 0
    due = [provable_s + delay for delay in PROOF_DELAYS_S if 0 < provable_s + delay < window_s]
    assert set(due) <= set(times)


@pytest.mark.parametrize("window_s", [1.0, 60.0, 600.0])
def test_settling_takes_about_the_window(window_s: float) -> None:
    """The pauses add up to the window, within one of the longest."""
    assert window_s <= sum(settle_delays(window_s)) <= max(window_s + 5.0, 10.0)


@pytest.mark.parametrize(
    ("leg", "states", "moves"),
    [
        (1, [(1, AttemptState.UNKNOWN, None)], False),
        (1, [(1, AttemptState.REJECTED, Proof.NOT_SENT), (2, AttemptState.UNKNOWN, None)], False),
        (2, [(1, AttemptState.UNKNOWN, None)], True),
        (2, [(1, AttemptState.UNKNOWN, None), (2, AttemptState.REJECTED, Proof.NOT_SENT)], True),
        (2, [(1, AttemptState.UNKNOWN, None), (2, AttemptState.UNKNOWN, None)], False),
    ],
)
def test_only_a_relief_leg_moves_past_what_is_unknown_elsewhere(
    leg: int, states: list[tuple[int, AttemptState, Proof | None]], moves: bool
) -> None:
    """Its caller's budget pays for that; its own attempts need their proofs like any."""
    attempts = [replace(attempt(state, proof), leg=number) for number, state, proof in states]
    assert may_move(record(*attempts), leg) is moves


@pytest.mark.parametrize(
    ("budget", "given", "filled", "expected"),
    [
        ("0", "0", "0", "0"),
        ("1", "0", "0", "1"),
        ("2", "0", "1.5", "0.5"),
        ("1", "0.4", "0", "0.6"),
        ("1", "1", "0", "0"),
    ],
)
def test_relief_is_what_is_missing_as_far_as_the_budget_reaches(
    budget: str, given: str, filled: str, expected: str
) -> None:
    """Never more than the budget in all, and never more than what is not known to be executed."""
    found = record(attempt(AttemptState.UNKNOWN, None, filled))
    legs = (Leg(1, Decimal(2)), *((Leg(2, Decimal(given)),) if Decimal(given) else ()))
    intent = replace(found.intent, overfill_budget=Decimal(budget))
    assert relief(replace(found, intent=intent, legs=legs)) == Decimal(expected)
