"""Every case at every venue."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance import cases_health, cases_markets, cases_money, cases_orders, cases_refusals  # noqa: F401
from tests.conformance.clock import JumpingClock, loop_on
from tests.conformance.desk import open_desk
from tests.conformance.registry import CASES, VENUES, Case

GRID = [pytest.param(venue, case, id=f"{case.number}-{venue}") for case in CASES.values() for venue in VENUES]


def play(venue: str, case: Case) -> None:
    """Runs one case at a desk of its own."""

    async def played() -> None:
        async with open_desk(venue, clock) as desk:
            await case.body(desk)

    clock = JumpingClock()
    with asyncio.Runner(loop_factory=lambda: loop_on(clock)) as runner:
        runner.run(played())


@pytest.mark.parametrize(("venue", "case"), GRID)
def test_case(venue: str, case: Case) -> None:
    """A case that applies is passed; one that is explained away fails, or its explanation is wrong."""
    why = case.explanation(venue)
    if why is None:
        play(venue, case)
        return
    with pytest.raises(BaseException):  # noqa: B017, PT011
        play(venue, case)
