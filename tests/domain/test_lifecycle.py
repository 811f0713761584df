"""The two tables of legal steps, and that nothing gets past them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.errors import IllegalTransition, JournalError
from backend.domain.ids import body_hash
from backend.domain.lifecycle import (
    ATTEMPT_STEPS,
    INTENT_STEPS,
    AttemptState,
    IntentState,
    Proof,
    check_attempt_step,
    check_intent_step,
)
from backend.domain.orders import Intent, Side, TimeInForce, VenueOrder
from backend.domain.records import Attempt
from backend.integrations.journal.journal import SqliteJournal


@pytest.mark.parametrize("source", AttemptState)
@pytest.mark.parametrize("target", AttemptState)
def test_attempt_steps_are_the_table(source: AttemptState, target: AttemptState) -> None:
    """Exactly the listed steps are legal; an ended attempt never moves, it only takes what executed late."""
    if target in ATTEMPT_STEPS[source]:
        check_attempt_step("a/1", source, target)
        assert not source.ended or target is source
    else:
        with pytest.raises(IllegalTransition):
            check_attempt_step("a/1", source, target)


@pytest.mark.parametrize("source", IntentState)
@pytest.mark.parametrize("target", IntentState)
def test_intent_steps_are_the_table(source: IntentState, target: IntentState) -> None:
    """Exactly the listed steps are legal; a final intent never moves."""
    if target in INTENT_STEPS[source]:
        check_intent_step("a", source, target)
        assert not source.final
    else:
        with pytest.raises(IllegalTransition):
            check_intent_step("a", source, target)


def test_an_unknown_attempt_is_never_simply_rejected() -> None:
    """From UNKNOWN only evidence leads on: there is no step to REJECTED."""
    assert AttemptState.REJECTED not in ATTEMPT_STEPS[AttemptState.UNKNOWN]


def test_every_state_can_be_reached_and_every_working_one_left() -> None:
    """No state hangs in the air, and no attempt is stuck before its end."""
    for steps, first in ((ATTEMPT_STEPS, AttemptState.OPEN), (INTENT_STEPS, IntentState.NEW)):
        reached = {first}
        while new := {target for source in reached for target in steps[source]} - reached:  # type: ignore[index]
            reached |= new
        assert reached == set(steps)
    for source, targets in ATTEMPT_STEPS.items():
        assert source.ended or AttemptState.CLOSED in targets


ATTEMPT = st.tuples(st.just("attempt"), st.sampled_from(AttemptState), st.booleans())
INTENT = st.tuples(st.just("intent"), st.sampled_from(IntentState), st.just(value=False))


@given(st.lists(ATTEMPT | INTENT, max_size=12))
@settings(max_examples=120, deadline=None)
def test_illegal_transitions_are_refused_and_leave_no_trace(steps: list[tuple[str, object, bool]]) -> None:
    """Any sequence of steps, asked of the real journal: it takes exactly those that the tables list (and that have
    their proof, and close no intent over an open attempt), and refuses every other one without a change."""

    async def play() -> None:
        journal = SqliteJournal.open(None)
        order = _intent()
        await journal.accept(order, body_hash=body_hash(order), now=0.0, valid_until=30.0)
        record = await journal.open_attempt(_attempt(), worst_price=Decimal(100))
        for kind, target, proven in steps:
            before = record
            one = before.attempts[0].state
            proof = Proof.TERMINAL_STATE if proven else None
            if kind == "attempt":
                assert isinstance(target, AttemptState)
                needs_proof = target.ended and not one.ended
                other_proof = one.ended and proven and before.attempts[0].proof is not proof
                legal = target in ATTEMPT_STEPS[one] and (proven or not needs_proof) and not other_proof
                step = journal.step_attempt("a/1", target, now=0.0, proof=proof)
            else:
                assert isinstance(target, IntentState)
                legal = target in INTENT_STEPS[before.state] and (one.ended or not target.final)
                step = journal.step_intent("a", target, now=0.0)
            try:
                record = await step
            except (IllegalTransition, JournalError):
                assert not legal
                assert await journal.get("a") == before
            else:
                assert legal
                assert target in (record.attempts[0].state, record.state)
        assert await journal.verify_chain() == []
        await journal.close()

    asyncio.run(play())


def _intent() -> Intent:
    return Intent.create(id="a", symbol="BTC/USDT", side="buy", quantity=1)


def _attempt() -> Attempt:
    order = VenueOrder(
        venue="binance",
        attempt_id="a/1",
        client_id="c1",
        symbol="BTC/USDT",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(100),
        time_in_force=TimeInForce.IOC,
        created_at=0.0,
        not_after=5.0,
    )
    return replace(Attempt("a/1", "a", 1, order, Decimal(100), AttemptState.OPEN), opened_at=0.0)
