"""The arithmetic of absence: each condition of the proof by deadline, alone and at its edge."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.rules import DeadlineClass, Fact, Verification
from backend.integrations.exchanges.binance.rules import RULES as BINANCE
from backend.integrations.exchanges.firi.rules import RULES as FIRI
from backend.policies.horizon import (
    PATIENCE_S,
    CancelUnknown,
    Horizon,
    Missing,
    NotFound,
    horizon,
    is_past,
    missing_proof,
)

NOT_AFTER, SKEW = 1_000.0, 0.25
RETAINED_S = 90 * 86_400
LIMITS = Horizon(cancel_from=1_000.25, absent_from=1_120.25, absent_until=1_000 - 60.25 + RETAINED_S, park_at=1_180.25)
FORGOTTEN = tuple(
    replace(one, sent_at=940.0 + RETAINED_S)
    for one in (NotFound("query", 0.0, control=True), NotFound("history", 0.0, control=True))
)
CANCEL = CancelUnknown(sent_at=1_000.25, answered_at=1_001.0)
FOUND_NOTHING = (NotFound("query", 1_120.5, control=True), NotFound("history", 1_120.6, control=True))


def test_the_horizon_adds_every_bound() -> None:
    """Deadline, error of the clock, engine bound and visibility bound; then patience. And an end: orders that are old
    are forgotten, and a venue that has forgotten one does not prove that there was none."""
    assert horizon(BINANCE, NOT_AFTER, SKEW) == LIMITS
    assert LIMITS.park_at - LIMITS.absent_from == PATIENCE_S


def test_without_a_deadline_or_an_id_there_is_no_horizon() -> None:
    """A venue that checks no deadline may execute at any time; without an id nobody can look."""
    assert horizon(FIRI, NOT_AFTER, SKEW) is None
    no_deadline = Fact(DeadlineClass.NONE, Verification.RUN, "2026-11-23", "a test")
    assert horizon(replace(BINANCE, deadline_class=no_deadline), NOT_AFTER, SKEW) is None
    no_lookup = Fact(value=False, how=Verification.RUN, date="2026-11-23", source="a test")
    assert horizon(replace(BINANCE, lookup_by_client_id=no_lookup), NOT_AFTER, SKEW) is None


def test_all_conditions_together_prove() -> None:
    """A cancel answered with unknown, then two endpoints after the horizon, with a control each."""
    assert missing_proof(LIMITS, CANCEL, FOUND_NOTHING) is None


@pytest.mark.parametrize(
    ("limits", "cancel", "looked", "lacks"),
    [
        (None, CANCEL, FOUND_NOTHING, Missing.DEADLINE),
        (LIMITS, None, FOUND_NOTHING, Missing.CANCEL),
        (LIMITS, replace(CANCEL, sent_at=1_000.2), FOUND_NOTHING, Missing.CANCEL),
        (LIMITS, CANCEL, (), Missing.LOOKUPS),
        (LIMITS, CANCEL, FOUND_NOTHING[:1], Missing.LOOKUPS),
        (LIMITS, CANCEL, (FOUND_NOTHING[0], FOUND_NOTHING[0]), Missing.LOOKUPS),
        (LIMITS, CANCEL, (FOUND_NOTHING[0], replace(FOUND_NOTHING[1], sent_at=1_120.25)), Missing.LOOKUPS),
        (LIMITS, replace(CANCEL, answered_at=1_120.55), FOUND_NOTHING, Missing.LOOKUPS),
        (LIMITS, CANCEL, (FOUND_NOTHING[0], replace(FOUND_NOTHING[1], control=False)), Missing.CONTROL),
        (LIMITS, CANCEL, FORGOTTEN, Missing.RETENTION),
        (LIMITS, CANCEL, (FOUND_NOTHING[0], replace(FOUND_NOTHING[1], late_s=90 * 86_400.0)), Missing.RETENTION),
    ],
)
def test_each_condition_is_needed(
    limits: Horizon | None, cancel: CancelUnknown | None, looked: tuple[NotFound, ...], lacks: Missing
) -> None:
    """Take one away, or move it to the wrong side of its edge, and nothing is proven."""
    assert missing_proof(limits, cancel, looked) is lacks


@given(
    st.lists(st.builds(NotFound, st.sampled_from(["query", "history"]), st.floats(900, 1_120.25), st.booleans())),
    st.floats(900, 2_000),
)
def test_nothing_before_the_horizon_ever_proves(looked: list[NotFound], answered: float) -> None:
    """However many look-ups find nothing: as long as the order may yet execute or appear, they prove nothing."""
    cancel = CancelUnknown(sent_at=1_001.0, answered_at=answered)
    assert missing_proof(LIMITS, cancel, looked) is Missing.LOOKUPS


@pytest.mark.parametrize(
    ("limits", "now", "past"), [(None, 9e9, False), (LIMITS, 1_120.25, False), (LIMITS, 1_120.3, True)]
)
def test_nobody_is_asked_before_the_horizon(limits: Horizon | None, now: float, past: bool) -> None:
    """Not at its edge, and never where there is none."""
    assert is_past(limits, now) is past
