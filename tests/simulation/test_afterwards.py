"""The promises for an order that was proven dead and executed: each is noticed when it is broken."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from backend.domain.lifecycle import AttemptState, Proof
from backend.domain.orders import TimeInForce
from backend.domain.records import Attempt, Event, IntentRecord, Leg
from backend.lab.simulation.afterwards import LEAVE_S, Afterwards
from tests.policies.test_late import fill
from tests.policies.test_reroute import ORDER, attempt, record

NOW = 1_000.0


def watch() -> tuple[Afterwards, list[str]]:
    broken: list[str] = []
    return Afterwards(broken.append, lambda _: None), broken


def late(working: AttemptState = AttemptState.WORKING) -> IntentRecord:
    """An intent of 2: 1 executed at binance, which was proven dead, and 2 rest at kraken."""
    dead = attempt(AttemptState.CLOSED, Proof.DEADLINE, "1")
    order = replace(ORDER, venue="kraken", client_id="c2", attempt_id="a/2", time_in_force=TimeInForce.GTC)
    proof = Proof.TERMINAL_STATE if working.ended else None
    other = Attempt("a/2", "a", 2, order, Decimal(200), working, venue_order_id="o2", proof=proof)
    return replace(record(dead, other), fills=(fill("1"),), legs=(Leg(1, Decimal(2)),))


HALTED = Event(1, NOW, "account_halted", "a", "a/1", {"venues": ["binance"]})


def test_an_execution_after_a_proof_must_halt_its_account() -> None:
    """With the booking itself: there is no record of the one without the other."""
    followed, broken = watch()
    followed.look_at(late(), NOW)
    assert broken == ["S1: a/1 executed after it was proven dead, and binance is not halted"]
    followed, broken = watch()
    followed.told(HALTED)
    followed.look_at(late(), NOW)
    assert broken == []


def test_what_works_for_more_than_what_is_left_must_be_cancelled() -> None:
    """Soon, whether the cancel arrives or not; one that ends by itself meanwhile needs none."""
    for cancel_after_s, cancels, expected in ((1.0, True, 0), (LEAVE_S + 1, True, 1), (LEAVE_S + 1, False, 1)):
        followed, broken = watch()
        followed.told(HALTED)
        followed.look_at(late(), NOW)
        if cancels:
            followed.cancelling(b"DELETE /order?origClientOrderId=c2", NOW + cancel_after_s)
        followed.look_at(late(AttemptState.CLOSED), NOW + LEAVE_S + 2)
        assert len(broken) == expected
