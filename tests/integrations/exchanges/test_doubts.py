"""When an answer says two things, or not all of it, the doubt wins."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from backend.domain.orders import OrderStatus
from backend.domain.outcomes import Evidence, Unknown
from backend.integrations.exchanges.binance.outcomes import OUTCOMES
from backend.integrations.exchanges.firi.answers import report
from backend.integrations.exchanges.shared.http_fact import NOT_JSON, HttpFact, decoded
from backend.integrations.exchanges.shared.outcomes import PlaceAnswer, VenueError, classify
from backend.integrations.exchanges.shared.parsing import Malformed, identity


@pytest.mark.parametrize("status", [429, 418, 403, 451])
@pytest.mark.parametrize("code", ["-1000", "-1006", "-1007"])
def test_a_code_that_says_unknown_beats_a_status_that_proves(status: int, code: str) -> None:
    """A status that means "not executed" together with a code that means "unknown" is unknown."""
    fact = HttpFact(headers_written=True, status=status, body=b"{}", document={})
    assert isinstance(classify(fact, PlaceAnswer((VenueError(code, "any"),)), OUTCOMES), Unknown)


def firi_order(**amounts: str) -> dict[str, object]:
    plain = {"id": 7, "market": "BTCNOK", "type": "bid", "price": "100", "amount": "1"}
    return json.loads(json.dumps({**plain, **amounts}))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("amounts", "status"),
    [
        ({"matched": "1", "remaining": "0", "cancelled": "0"}, OrderStatus.FILLED),
        ({"matched": "0.4", "remaining": "0", "cancelled": "0.6"}, OrderStatus.CANCELED),
        ({"matched": "0.1", "remaining": "0.5", "cancelled": "0.4"}, OrderStatus.OPEN),
        ({"matched": "0.1", "remaining": "0.9"}, OrderStatus.OPEN),
    ],
)
def test_an_order_has_ended_when_its_parts_come_to_the_whole(amounts: dict[str, str], status: OrderStatus) -> None:
    """Matched and cancelled together must be the amount; an unfinished cancel is still open."""
    told = report(firi_order(**amounts), {"BTCNOK": "BTC/NOK"})
    assert (told.status, told.filled) == (status, Decimal(amounts["matched"]))


@pytest.mark.parametrize(
    "amounts",
    [{"remaining": "0", "cancelled": "0.4"}, {"matched": "0.4", "remaining": "0", "cancelled": "0.5"}],
    ids=["no matched", "parts are missing"],
)
def test_an_incomplete_order_is_not_read(amounts: dict[str, str]) -> None:
    """Without the matched amount, or with a part unaccounted for, nothing is concluded."""
    with pytest.raises(Malformed):
        report(firi_order(**amounts), {"BTCNOK": "BTC/NOK"})


def test_halves_of_characters_reach_neither_ids_nor_evidence() -> None:
    """JSON can carry a lone surrogate, which no file takes: ids with one are no ids, messages show it escaped."""
    assert identity(json.loads('"\\ud800x"')) == ""
    evidence = Evidence(headers_written=True, code="a", message=json.loads('"busy \\ud800"'))
    assert str(evidence).encode()
    assert "busy" in str(evidence)


def test_a_number_without_measure_is_no_document() -> None:
    """An exponent that no decimal takes makes the whole body unreadable, not an exception."""
    assert decoded(b'{"a": 1e99999999999999999999999999}') is NOT_JSON
