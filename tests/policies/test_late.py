"""What follows when an attempt that had ended shows all the same, as tables."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from backend.domain.lifecycle import AttemptState, Proof
from backend.domain.orders import Fill, OrderStatus, Side
from backend.domain.records import UNTIL_SETTLED, Attempt, Ghost, IntentRecord, Leg
from backend.policies.late import Sight, at_fault, bound_broken, sight, too_much
from tests.policies.test_reroute import ORDER, REPORT, attempt, record

NOW = 100.0


def fill(quantity: str, trade: str = "t1", *, venue: str = "binance", provisional: bool = False) -> Fill:
    return Fill(
        venue, "BTC/USDT", "1", trade, Side.BUY, Decimal(quantity), Decimal(100), at=NOW, provisional=provisional
    )


def ghost(*fills: Fill, proof: Proof = Proof.DEADLINE, until: float = 900.0) -> Ghost:
    filled = str(sum((one.quantity for one in fills), Decimal(0)))
    dead = attempt(AttemptState.CLOSED, proof, filled)
    return Ghost(replace(record(dead), fills=fills), dead, until)


OPEN = replace(REPORT, status=OrderStatus.OPEN, filled=Decimal("0.4"))
ENDED = replace(REPORT, filled=Decimal("0.4"))
TRADE = fill("0.4")
TOTAL = fill("0.4", "late:0.4", provisional=True)
WORD = fill("0.5", "operator:0.5", provisional=True)
IDLE = replace(OPEN, filled=Decimal(0))
EMPTY = replace(ENDED, filled=Decimal(0))


@pytest.mark.parametrize(
    ("who", "report", "trades", "expected"),
    [
        (ghost(), IDLE, (), Sight((), settled=False, lives=True)),
        (ghost(until=UNTIL_SETTLED), IDLE, (), None),
        (ghost(), OPEN, (TRADE,), Sight((TRADE,), settled=False, lives=True)),
        (ghost(), OPEN, None, Sight((TOTAL,), settled=False, lives=True)),
        (ghost(TOTAL, until=UNTIL_SETTLED), OPEN, None, None),
        (ghost(WORD), OPEN, (TRADE,), Sight((), settled=False, lives=True)),
        (ghost(), ENDED, (TRADE,), Sight((TRADE,), settled=True, lives=False)),
        (ghost(TRADE), ENDED, (TRADE,), None),
        (ghost(TRADE, until=UNTIL_SETTLED), ENDED, (TRADE,), Sight((TRADE,), settled=True, lives=False)),
        (ghost(), ENDED, None, Sight((TOTAL,), settled=False, lives=False)),
        (ghost(TOTAL), ENDED, None, None),
        (ghost(TOTAL), ENDED, (TRADE,), Sight((TRADE,), settled=True, lives=False)),
        (ghost(WORD), ENDED, None, Sight((TOTAL,), settled=False, lives=False)),
        (ghost(WORD), EMPTY, (), Sight((), settled=True, lives=False)),
        (ghost(TRADE, WORD), ENDED, None, Sight((), settled=False, lives=False)),
        (ghost(), EMPTY, (), None),
        (ghost(until=UNTIL_SETTLED), EMPTY, (), Sight((), settled=True, lives=False)),
    ],
)
def test_what_a_look_at_a_ghost_changes(
    who: Ghost, report: object, trades: tuple[Fill, ...] | None, expected: Sight | None
) -> None:
    """More is booked at sight, with its trades or as a total; less only when the venue has told the end. Whatever was
    seen is waited for until then."""
    assert sight(who, report, trades, NOW) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("proof", Proof)
def test_an_operator_who_was_wrong_says_nothing_about_the_venue(proof: Proof) -> None:
    """The venue's own rules and bounds are broken by what executed against a proof that rests on them."""
    broken = {Proof.DEADLINE, Proof.DEFINITE_REJECT, Proof.NOT_SENT}
    assert bound_broken(attempt(AttemptState.CLOSED, proof)) == (proof in broken)


def _tried(number: int, venue: str, filled: str, proof: Proof | None, quantity: str = "2") -> Attempt:
    order = replace(ORDER, venue=venue, attempt_id=f"a/{number}", quantity=Decimal(quantity))
    state = AttemptState.WORKING if proof is None else AttemptState.CLOSED
    return Attempt(f"a/{number}", "a", number, order, Decimal(200), state, proof=proof, filled=Decimal(filled))


@pytest.mark.parametrize(
    ("first", "second", "traded", "expected"),
    [
        (("2", Proof.DEADLINE), ("2", Proof.TERMINAL_STATE), True, ["binance"]),
        (("2", Proof.DEFINITE_REJECT), ("2", Proof.TERMINAL_STATE), True, ["binance"]),
        (("2", Proof.OPERATOR), ("2", Proof.TERMINAL_STATE), True, ["binance"]),
        (("2", Proof.OPERATOR), ("2", Proof.TERMINAL_STATE), False, ["kraken"]),
        (("0", Proof.DEADLINE), ("3", Proof.TERMINAL_STATE), True, ["kraken"]),
        (("1", Proof.DEADLINE), ("3", Proof.TERMINAL_STATE), True, ["binance", "kraken"]),
        (("1", Proof.TERMINAL_STATE), ("2", Proof.TERMINAL_STATE), True, ["kraken"]),
    ],
)
def test_who_is_at_fault_for_too_much(
    first: tuple[str, Proof], second: tuple[str, Proof], traded: bool, expected: list[str]
) -> None:
    """Whose proof was wrong, or who executed more than was sent; the last one only for want of any other."""
    one, two = _tried(1, "binance", *first), _tried(2, "kraken", *second)
    fills = tuple(fill(a.order.quantity.to_eng_string(), venue=a.venue, provisional=not traded) for a in (one, two))
    found = at_fault(replace(record(one, two), fills=fills), two)
    assert [attempt.venue for attempt in found] == expected


def _with_legs(late: str, *working: str, relief: str = "0") -> IntentRecord:
    """An intent of 2; binance was proven dead and executed ``late``."""
    dead = _tried(1, "binance", late, Proof.DEADLINE)
    at_work = [_tried(number, f"v{number}", "0", None, quantity) for number, quantity in enumerate(working, start=2)]
    legs = (Leg(1, Decimal(2)), *([Leg(2, Decimal(relief))] if Decimal(relief) else []))
    fills = (fill(late),) if Decimal(late) else ()
    return replace(record(dead, *at_work), fills=fills, legs=legs)


@pytest.mark.parametrize(
    ("given", "leaving"),
    [
        (_with_legs("0", "2"), []),
        (_with_legs("0.1", "2"), ["a/2"]),
        (_with_legs("2", "2"), ["a/2"]),
        (_with_legs("1", "1", relief="1"), []),
        (_with_legs("1", "2", "1", relief="1"), ["a/3"]),
        (_with_legs("1.5", "2", "1", relief="1"), ["a/2"]),
        (_with_legs("3", "2", "1", relief="1"), ["a/2", "a/3"]),
    ],
)
def test_what_would_bring_more_than_what_is_left_has_to_leave(given: IntentRecord, leaving: list[str]) -> None:
    """The older one stays where it still fits; relief counts as given out, the rest of a budget does not."""
    assert [attempt.id for attempt in too_much(given)] == leaving
