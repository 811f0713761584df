"""Every row of every table of outcomes, over real HTTP from the emulated venue: what it proves is what the row says."""

from __future__ import annotations

import asyncio

import pytest

from backend.domain.outcomes import ProvenNotExecuted, Unknown
from backend.domain.reasons import RejectReason, UnknownReason
from backend.emulator.faults import FaultKind
from backend.ports.transport import HttpAnswer
from tests.conformance.clock import JumpingClock, loop_on
from tests.conformance.desk import Desk, open_desk
from tests.conformance.registry import VENUES
from tests.integrations.exchanges.documented_answers import Case
from tests.integrations.exchanges.support import CLIENT_ID, rows_hit
from tests.integrations.exchanges.test_outcomes import CASES

ELSEWHERE = {("kraken", (None, "EService", "Deadline elapsed"))}
"""Believed only after a look-up: conformance case C72 and tests/integrations/exchanges/test_outcomes.py."""


@pytest.mark.parametrize("venue", VENUES)
def test_each_row_over_the_wire(venue: str) -> None:
    """The documented answer comes from the venue's port in place of its own; the order is never executed by it."""

    async def played() -> None:
        async with open_desk(venue, clock) as desk:
            hit = {key for case in CASES[venue] for key in await outcome_of(desk, case)}
            assert hit | {key for name, key in ELSEWHERE if name == venue} == set(desk.adapter.OUTCOMES)
            assert desk.orders == ()

    clock = JumpingClock()
    with asyncio.Runner(loop_factory=lambda: loop_on(clock)) as runner:
        runner.run(played())


async def outcome_of(desk: Desk, case: Case) -> set[object]:
    """Sends one order into the answer, checks what it proves, and tells the rows that decided."""
    adapter = await desk.fresh_adapter()
    desk.at_place(FaultKind.BODY, status=case.status, body=case.body)
    echoed = {"client_id": CLIENT_ID} if desk.rules.has_client_id else {}  # some answers repeat the order's id
    outcome = await desk.send(desk.order(**echoed), adapter)
    assert isinstance(outcome, ProvenNotExecuted if isinstance(case.reason, RejectReason) else Unknown), outcome
    assert (outcome.reason, outcome.health) == (case.reason, case.health), case
    if case.reason is UnknownReason.BROKEN_ANSWER:
        return set()
    return set(rows_hit(adapter, HttpAnswer(case.status, "", {}, case.body.encode(), 0.0)))
