"""The market as somebody pushes it: from when, to where, for how long, and nothing else changes."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from backend.emulator.books import BookFrame
from backend.emulator.core import VenueCore
from backend.emulator.fault_kinds import arm
from backend.emulator.faults import Fault, FaultError, FaultKind
from backend.emulator.host import generated_books
from backend.emulator.matching import CATCH_UP_FRAMES_MAX
from backend.emulator.registry import KINDS
from tests.emulator.kit import T0, Desk, decoded

BOOK = ("/api/v3/depth", "symbol=BTCUSDT&limit=2")
ORDER = {"quantity": "0.5", "price": "98"}


def push(desk: Desk, start: float = 0.0, length: float | None = None, **params: object) -> str:
    """Move the market of BTC/USDT."""
    fault = Fault(FaultKind.PRICE, start=start, length=length, params={"symbol": "BTC/USDT", **params})
    return desk.core.inject(fault, desk.now)


def best(desk: Desk) -> tuple[Decimal, Decimal]:
    """The best bid and ask that the venue tells."""
    book = desk.get(*BOOK)
    return Decimal(book["bids"][0][0]), Decimal(book["asks"][0][0])


@pytest.mark.parametrize(
    ("params", "bid", "ask"),
    [
        ({"ask": "98"}, "97", "98"),
        ({"bid": "110.5"}, "110.5", "111.5"),
        ({"percent": -10}, "89.05", "90.05"),
        ({"percent": 0.1}, "99.10", "100.10"),
    ],
)
def test_the_book_moves_as_a_whole(params: dict[str, Any], bid: str, ask: str) -> None:
    """One side goes where it is sent and the other keeps its distance; a share is rounded to the price step."""
    desk = Desk("binance")
    push(desk, **params)
    assert best(desk) == (Decimal(bid), Decimal(ask))


def test_a_move_has_a_beginning_and_an_end() -> None:
    """Before and after it the market stands where it stood, and orders fill at the time of the move."""
    desk = Desk("binance")
    desk.books.write(T0 + 30)  # so that the book before the move has an end of its own, later than the move
    desk.effect(desk.order(**ORDER))
    push(desk, start=10, length=5, ask="98", size="0.2")
    for at, ask in ((9.9, "100"), (10, "99"), (14.9, "99"), (15, "100")):  # at 98 the order took all that was there
        desk.now = T0 + at
        assert best(desk)[1] == Decimal(ask)
    (trade,) = desk.core.ledger.trades
    assert (trade.at, trade.quantity, trade.price, trade.maker) == (T0 + 10, Decimal("0.2"), Decimal(98), True)


def test_nobody_has_to_look() -> None:
    """A move that came and went while nobody asked has filled what it reached, also after a very long silence."""
    silence = CATCH_UP_FRAMES_MAX * 10.0
    desk = Desk("binance")
    for number in range(2 * CATCH_UP_FRAMES_MAX):
        desk.books.write(T0 + 1 + number)
    desk.effect(desk.order(**ORDER))
    push(desk, start=1_000.25, length=0.5, ask="98", size="0.2")
    push(desk, start=5_000.25, length=0.5, ask="98", size="0.1")
    desk.core.advance(T0 + silence)
    assert [(trade.at, trade.quantity) for trade in desk.core.ledger.trades] == [
        (T0 + 1_000.25, Decimal("0.2")),
        (T0 + 5_000.25, Decimal("0.1")),
    ]


def test_a_moved_book_stands_still() -> None:
    """What is taken from it is gone until the move ends, however many books of the source pass by."""
    desk = Desk("binance")
    for number in range(1, 20):
        desk.books.write(T0 + number)
    push(desk, length=10, ask="98", size="0.2")
    taken = decoded(desk.effect(desk.order(**ORDER)))
    desk.now = T0 + 9
    assert taken["executedQty"] == "0.20000000"
    assert decoded(desk.effect(desk.order(quantity="0.1", price="98")))["executedQty"] == "0.00000000"
    assert best(desk)[1] == 99
    desk.now = T0 + 10
    assert best(desk)[1] == 100


def test_the_latest_move_counts_and_can_be_taken_back() -> None:
    """Of two at a time the last one counts; without it the first goes on; without both the market is back."""
    desk = Desk("binance")
    first, second = push(desk, ask="90"), push(desk, ask="95")
    assert best(desk)[1] == 95
    desk.core.clear(desk.now, second)
    assert best(desk)[1] == 90
    desk.core.clear(desk.now, first)
    assert best(desk)[1] == 100


def test_other_faults_leave_what_was_taken_alone() -> None:
    """A fault that begins or ends renews no book: what our orders took stays taken."""
    desk = Desk("binance")
    desk.effect(desk.order(quantity="1", price="100"))
    for _ in range(2):
        desk.fault(FaultKind.STORM)
        desk.core.clear(desk.now)
        assert best(desk)[1] == 101


def test_other_markets_stay() -> None:
    """A move concerns one pair of one venue."""
    desk = Desk("binance")
    push(desk, ask="98")
    assert Decimal(desk.get("/api/v3/depth", "symbol=ETHUSDT")["asks"][0][0]) == 100


def test_nothing_fills_in_maintenance() -> None:
    """While the venue does not trade, the market may move and resting orders stay."""
    desk = Desk("binance")
    desk.effect(desk.order(**ORDER))
    mode = desk.fault(FaultKind.MODE, mode="maintenance")
    move = push(desk, ask="98")
    desk.core.clear(desk.now, move)
    desk.core.clear(desk.now, mode)
    assert not list(desk.core.ledger.trades)


def test_a_clock_that_is_wrong_moves_no_trade() -> None:
    """The ledger has the true time of a fill, whatever the venue's clock says."""
    desk = Desk("binance")
    desk.effect(desk.order(**ORDER))
    desk.fault(FaultKind.CLOCK, seconds=30)
    push(desk, start=5, length=5, ask="98")
    desk.core.advance(T0 + 7)
    assert [trade.at for trade in desk.core.ledger.trades] == [T0 + 5]


def test_the_same_seed_gives_the_same_moved_book() -> None:
    """On generated books a move by a share gives the same book in every run, at whatever moment somebody looks."""

    def told(looks: list[float]) -> BookFrame:
        kind = KINDS["kraken"]
        books = generated_books(7, ["kraken"])
        rng = Random(1)  # noqa: S311 - repeatable, guards nothing
        core = VenueCore(kind, keys=dict(kind.new_keys(rng.randbytes)), books=books, rng=rng)
        params = {"symbol": "BTC/USD", "percent": -2}
        core.inject(Fault(FaultKind.PRICE, start=3, length=9, params=params), T0)
        for at in looks:
            core.advance(T0 + at)
        return core._engine.book("BTC/USD", T0 + 7)

    assert told([1, 3.3, 6]) == told([])
    usual = generated_books(7, ["kraken"]).book("kraken", "BTC/USD", T0 + 3)
    assert told([]).asks[0][0] < usual.bids[0][0] * Decimal("0.99")


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "symbol must be a text"),
        ({"symbol": "DOGE/USDT", "ask": "1"}, "symbol must be one of: BTC/USDT"),
        ({"symbol": "BTC/USDT"}, "price needs one of: ask, bid, percent"),
        ({"symbol": "BTC/USDT", "ask": "1", "bid": "1"}, "price needs one of"),
        ({"symbol": "BTC/USDT", "ask": 98}, "ask must be a decimal number as text"),
        ({"symbol": "BTC/USDT", "ask": "98.001"}, "ask must be a positive multiple of 0.01"),
        ({"symbol": "BTC/USDT", "bid": "0"}, "bid must be a positive multiple"),
        ({"symbol": "BTC/USDT", "ask": "98", "size": "0"}, "size must be a positive multiple"),
        ({"symbol": "BTC/USDT", "percent": -95}, "percent must be a number from -90 to 900"),
        ({"symbol": "BTC/USDT", "percent": 1, "size": "1"}, "size belongs to ask or bid"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(params: dict[str, object], text: str) -> None:
    """What is wrong is told in words, at once."""
    with pytest.raises(FaultError, match=text):
        arm(Fault(FaultKind.PRICE, params=params), KINDS["binance"])


def test_a_move_concerns_the_whole_venue() -> None:
    """It strikes no request, so it has no endpoints, share or count."""
    with pytest.raises(FaultError, match="whole venue"):
        arm(Fault(FaultKind.PRICE, p=0.5, params={"symbol": "BTC/USDT", "ask": "98"}), KINDS["binance"])
