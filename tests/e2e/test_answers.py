"""Every error that an exchange can answer to a place, through the whole stack: what moves an order and what does not.

What an answer promises is taken from the emulator's own reading of the venues' documents, never from our tables.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.config import Timeouts
from backend.domain.lifecycle import AttemptState, IntentState
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.registry import KINDS
from tests.e2e.conftest import PLACE, VENUES, World, buy, hasty

CASES = [(venue, name) for venue in VENUES for name in sorted(KINDS[venue].errors)]

KUCOIN_ONE_CODE = "the code also tells a duplicate; only the texts that are listed prove anything"
MORE_CAREFUL = {
    ("binance", "-1008"): "503: any 5xx is unknown by the spot documents; only the futures documents promise a failure",
    ("binance", "-2010:duplicate"): "an order with this client id exists: it must be looked up",
    ("binance", "-2011"): "an answer to a cancel; to a place it says nothing that is documented",
    ("binance", "-2013"): "an answer to a query; to a place it says nothing that is documented",
    ("binance", "-2026"): "an answer to a query; to a place it says nothing that is documented",
    ("kraken", "EGeneral:Unknown method"): "not documented for a place",
    ("kraken", "EOrder:Duplicate cl_ord_id"): "an order with this client id exists: it must be looked up",
    ("kraken", "EOrder:Unknown order"): "an answer to a cancel or a query",
    ("firi", "BadRequest"): "the bare name, without one of the known messages, is listed nowhere",
    ("firi", "NotFound"): "the bare name is listed nowhere",
    ("firi", "OrderNotFound"): "an answer to a cancel or a query",
    ("okx", "50042"): "a repeated request: an order may exist, it must be looked up",
    ("kucoin", "200002"): "an answer to a cancel; to a place it says nothing that is documented",
    ("kucoin", "300002"): "a code of the futures documents",
    ("kucoin", "400100"): KUCOIN_ONE_CODE,
    ("kucoin", "400100:client_oid"): KUCOIN_ONE_CODE,
    ("kucoin", "400100:duplicate"): "an order with this client id exists: it must be looked up",
    ("kucoin", "400100:funds"): KUCOIN_ONE_CODE,
    ("kucoin", "400100:size_max"): KUCOIN_ONE_CODE,
    ("kucoin", "400100:window"): KUCOIN_ONE_CODE,
}
"""Answers that promise "not executed" by the emulator's reading, and which the router treats as unknown all the same,
with the reason. The other way round there is none: nothing that the emulator calls ambiguous may move an order."""


PATIENT_S = 30.0
"""Six seconds of the machine's: nothing here waits for so long, and a pause of the machine decides nothing."""


@pytest.fixture
def timeouts() -> Timeouts:
    """Look-ups end early: these cases are about the first decision. A busy machine has time for the rest."""
    return Timeouts(
        health_s=PATIENT_S,
        degraded_after_s=PATIENT_S,
        read_s=PATIENT_S,
        place_s=PATIENT_S,
        send_window_s=PATIENT_S,
        lookup_window_s=0.6,
    )


@pytest.mark.parametrize(("venue", "name"), CASES)
async def test_an_error_answer_moves_the_order_only_if_it_is_definite(world: World, venue: str, name: str) -> None:
    """A definite no is followed by the next exchange; anything else is looked up and parked, nothing sent elsewhere."""
    error = KINDS[venue].errors[name]
    world.emulator.inject(venue, Fault(FaultKind.STATUS, PLACE, count=1, params={"name": name}))
    definite = error.definite and (venue, name) not in MORE_CAREFUL
    router = await world.runtime.router()
    order = buy(exchange=venue) if definite else buy(exchange=venue, valid_until=hasty(world))
    result = await router.submit(order)
    assert [attempt.order.venue for attempt in result.attempts][:1] == [venue], result
    first = result.attempts[0]
    if definite:
        assert first.state is AttemptState.REJECTED
        assert (result.state, result.filled) == (IntentState.DONE, Decimal("0.01"))
        assert venue not in result.venues
    else:
        assert first.state is AttemptState.UNKNOWN
        assert result.state is IntentState.PARKED
        assert len(result.attempts) == 1
        assert world.orders() == 0


@pytest.mark.parametrize(("venue", "name"), [case for case in CASES if not KINDS[case[0]].errors[case[1]].definite])
async def test_an_ambiguous_answer_to_an_executed_order_never_executes_twice(
    world: World, venue: str, name: str
) -> None:
    """The same answers, but the order executed: it is found and adopted, never sent twice."""
    world.timeouts = Timeouts(place_s=3.0, lookup_window_s=30.0)  # an answer that limits us makes look-ups wait
    await world.restart()
    fault = Fault(FaultKind.STATUS, PLACE, count=1, params={"name": name, "executed": True})
    world.emulator.inject(venue, fault)
    result = await (await world.runtime.router()).submit(buy(exchange=venue))
    assert world.orders() == 1
    assert (result.state, result.venues) == (IntentState.DONE, (venue,))
    assert result.filled == world.executed()
