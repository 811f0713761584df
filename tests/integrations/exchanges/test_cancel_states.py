"""What several errors of one answer to a cancel say together, and that every venue has words for an unknown order."""

from __future__ import annotations

import pytest

from backend.domain.outcomes import CancelState
from backend.domain.rules import DeadlineClass
from backend.integrations.exchanges.shared.outcomes import CancelTable, VenueError, cancel_state
from backend.policies.routing_tables import EXCHANGES
from tests.integrations.exchanges.support import make_bench

TABLE: CancelTable = {
    ("gone", None): CancelState.NO_SUCH_ORDER,
    ("over", None): CancelState.ENDED,
    ("vague", None): CancelState.NOT_OPEN,
    ("400", "no order"): CancelState.NO_SUCH_ORDER,
}


@pytest.mark.parametrize(
    ("codes", "state"),
    [
        ((), None),
        (("never seen",), None),
        (("gone",), CancelState.NO_SUCH_ORDER),
        (("gone", "gone"), CancelState.NO_SUCH_ORDER),
        (("gone", "over"), CancelState.ENDED),
        (("never seen", "over"), CancelState.ENDED),
        (("gone", "vague"), CancelState.NOT_OPEN),
        (("gone", "never seen"), CancelState.NOT_OPEN),
    ],
)
def test_existence_outweighs_and_absence_takes_all(codes: tuple[str, ...], state: CancelState | None) -> None:
    """An order that one error tells of was there; "no such order" holds only when nothing else is said beside it."""
    assert cancel_state([VenueError(code, "") for code in codes], TABLE) is state


@pytest.mark.parametrize(("message", "state"), [("no order", CancelState.NO_SUCH_ORDER), ("no", None)])
def test_a_row_with_a_message_is_about_that_message(message: str, state: CancelState | None) -> None:
    """A code that means several things counts only with its exact words."""
    assert cancel_state([VenueError("400", message)], TABLE) is state


@pytest.mark.parametrize("venue", EXCHANGES)
def test_where_a_deadline_can_prove_there_are_words_for_an_unknown_order(venue: str) -> None:
    """A table without them would park every lost order there until an operator comes."""
    adapter = make_bench(venue).adapter
    provable = adapter.rules.deadline_class.value is not DeadlineClass.NONE
    assert (CancelState.NO_SUCH_ORDER in adapter.CANCELS.values()) is provable
