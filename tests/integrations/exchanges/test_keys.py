"""What a key may do: asked once where the venue tells; a key that can withdraw is refused for good."""

from __future__ import annotations

from typing import Any

import pytest

from backend.domain.errors import KeyCanWithdraw, VenueCallFailed
from backend.domain.orders import Credentials
from backend.integrations.exchanges.factory import RULES
from backend.ports.transport import TransportFault
from tests.fakes.transport import Reply, answer, failure
from tests.integrations.exchanges.recurring import bybit, kucoin, okx
from tests.integrations.exchanges.support import make_bench

TELLS = ("binance", "bybit", "okx", "kucoin")


def told(venue: str, *, withdraws: bool) -> Reply:
    """The venue's answer about a key that trades, and perhaps withdraws."""
    answers: dict[str, Any] = {
        "binance": answer({"ipRestrict": withdraws, "enableReading": True, "enableWithdrawals": withdraws}),
        "bybit": bybit({"permissions": {"Spot": ["SpotTrade"], "Wallet": ["Withdraw"] if withdraws else []}}),
        "okx": okx({"uid": "1", "perm": "read_only,trade" + (",withdraw" if withdraws else "")}),
        "kucoin": kucoin({"apiKey": "k", "permission": "General,Spot" + (",Transfer" if withdraws else "")}),
    }
    reply: Reply = answers[venue]
    return reply


REFUSALS = {
    "binance": answer({"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, 401),
    "bybit": answer({"retCode": 10005, "retMsg": "Permission denied", "result": {}}),
    "okx": answer({"code": "50120", "msg": "no permission", "data": []}, 401),
    "kucoin": answer({"code": "400007", "msg": "Access denied"}),
}


@pytest.mark.parametrize("venue", TELLS)
async def test_a_key_that_only_trades_is_asked_about_once(venue: str) -> None:
    """One signed call in the adapter's life."""
    bench = make_bench(venue, told(venue, withdraws=False))
    assert [await bench.adapter.check_key() for _ in range(3)] == [True] * 3
    assert len(bench.transport.requests) == 1


@pytest.mark.parametrize("venue", TELLS)
async def test_a_key_that_can_withdraw_is_refused_each_time(venue: str) -> None:
    """The error names the venue and what to do; nobody is asked again."""
    bench = make_bench(venue, told(venue, withdraws=True))
    for _ in range(2):
        with pytest.raises(KeyCanWithdraw, match=f"{venue}: the configured key can withdraw.*make a key"):
            await bench.adapter.check_key()
    assert len(bench.transport.requests) == 1


@pytest.mark.parametrize("venue", TELLS)
async def test_a_venue_that_refuses_to_tell_is_not_asked_again(venue: str) -> None:
    """A key without the right to ask is no reason to stop; that it is unknown is told."""
    bench = make_bench(venue, REFUSALS[venue])
    assert [await bench.adapter.check_key() for _ in range(2)] == [False, False]
    assert len(bench.transport.requests) == 1


@pytest.mark.parametrize("venue", TELLS)
@pytest.mark.parametrize(
    "reply",
    [
        failure(TransportFault.TIMEOUT, headers_written=True),
        answer("<html>", 502),
        answer("", 200),
        answer({}, 200),
        answer({"retCode": 0, "code": "0", "result": {}, "data": [{}], "enableWithdrawals": "no"}),
    ],
    ids=["silence", "page", "empty", "object", "other words"],
)
async def test_without_an_answer_it_is_asked_again(venue: str, reply: Reply) -> None:
    """No answer is not a yes."""
    bench = make_bench(venue, reply, told(venue, withdraws=True))
    with pytest.raises(VenueCallFailed):
        await bench.adapter.check_key()
    with pytest.raises(KeyCanWithdraw):
        await bench.adapter.check_key()


@pytest.mark.parametrize("venue", RULES)
async def test_nobody_is_asked_about_no_key(venue: str) -> None:
    """Without keys, and at a venue that does not tell, nothing is sent."""
    bench = make_bench(venue, credentials=Credentials())
    assert await bench.adapter.check_key() is False
    if venue not in TELLS:
        bench = make_bench(venue)
        assert await bench.adapter.check_key() is False
    assert bench.transport.requests == []
