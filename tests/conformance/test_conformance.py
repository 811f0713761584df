"""Every case at every venue, and the page that tells so."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance import (  # noqa: F401 - they register their cases
    cases_faults,
    cases_health,
    cases_markets,
    cases_money,
    cases_orders,
    cases_refusals,
    cases_router,
    cases_search,
)
from tests.conformance.clock import JumpingClock, loop_on
from tests.conformance.desk import open_desk
from tests.conformance.differences import DIFFERENCES
from tests.conformance.matrix import PAGE, Results
from tests.conformance.needs import Need, missing
from tests.conformance.registry import CASES, VENUES, Case

CASES_MIN = 60
GRID = [pytest.param(venue, case, id=f"{case.number}-{venue}") for case in CASES.values() for venue in VENUES]


def play(venue: str, case: Case) -> None:
    """Runs one case at a desk of its own. Raises what the case raises."""

    async def played() -> None:
        async with open_desk(venue, clock) as desk:
            await case.body(desk)

    clock = JumpingClock()
    with asyncio.Runner(loop_factory=lambda: loop_on(clock)) as runner:
        runner.run(played())


@pytest.mark.parametrize(("venue", "case"), GRID)
def test_case(venue: str, case: Case, results: Results) -> None:
    """A case that applies is passed. One that is explained away fails when it is run: else its explanation is wrong."""
    results.note(venue, case, went_well=False)
    why = case.explanation(venue)
    if why is None:
        play(venue, case)
    else:
        with pytest.raises((Exception, pytest.fail.Exception)):
            play(venue, case)
    results.note(venue, case, went_well=True)


def test_the_suite_is_whole() -> None:
    """The numbers run without a gap, every explanation names its document, and every difference is about a case."""
    assert len(CASES) >= CASES_MIN
    assert sorted(CASES) == sorted(f"C{number:02}" for number in range(1, len(CASES) + 1))
    needed = [missing(venue, (need,)) for venue in VENUES for need in Need]
    assert all(why.text and why.source for why in (*needed, *DIFFERENCES.values()) if why is not None)
    assert {number for _, number in DIFFERENCES} <= set(CASES)


def test_the_page_is_what_the_run_gives(results: Results, writing: bool) -> None:
    """The matrix in the documentation is the result of this run, to the letter."""
    if not results.whole:
        pytest.skip("only a run of every case at every venue can tell")
    assert results.failed == []
    if writing:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(results.page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == results.page(), "run `make matrix` and look at what has changed"
