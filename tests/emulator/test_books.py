"""The generated books: repeatable, ordered, deep enough."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.emulator.books import FRAME_S, BookFrame, GeneratedBooks
from backend.emulator.registry import KINDS
from tests.emulator.kit import T0

PAIRS = [(kind.name, market.symbol) for kind in KINDS.values() for market in kind.markets]


def generated(seed: int) -> GeneratedBooks:
    shapes = {name: kind.shape for name, kind in KINDS.items()}
    return GeneratedBooks(seed, shapes, {n: {m.symbol: m for m in kind.markets} for n, kind in KINDS.items()})


@pytest.mark.parametrize(("venue", "symbol"), PAIRS)
def test_a_book_is_ordered_and_on_the_markets_steps(venue: str, symbol: str) -> None:
    """Bids fall, asks rise, they do not cross, and prices and sizes are what the venue could quote."""
    market = next(market for market in KINDS[venue].markets if market.symbol == symbol)
    source = generated(1)
    for i in range(20):
        now = T0 + i * 7.3
        book = source.book(venue, symbol, now)
        assert book.at <= now < book.until == book.at + FRAME_S
        bids, asks = [p for p, _ in book.bids], [p for p, _ in book.asks]
        assert bids == sorted(set(bids), reverse=True)
        assert asks == sorted(set(asks))
        assert bids[0] < asks[0]
        assert all(price % market.price_step == 0 for price in bids + asks)
        assert all(size > 0 and size % market.quantity_step == 0 for _, size in book.bids + book.asks)


def test_the_same_seed_gives_the_same_books_in_any_order() -> None:
    """A book depends on seed, venue, pair and time, not on what was asked before."""
    times = [T0 + i * 3.1 for i in range(10)]
    forward, backward = generated(1), generated(1)
    first = [forward.book("kraken", "BTC/USD", at) for at in times]
    second = [backward.book("kraken", "BTC/USD", at) for at in reversed(times)]
    assert first == second[::-1]
    assert first != [generated(2).book("kraken", "BTC/USD", at) for at in times]


def fillable(book: BookFrame, bps: int) -> Decimal:
    worst = book.asks[0][0] * (1 + Decimal(bps) / 10_000)
    return sum((size for price, size in book.asks if price <= worst), Decimal(0))


@pytest.mark.parametrize(("venue", "symbol"), [pair for pair in PAIRS if pair[1].startswith("BTC")])
def test_half_a_coin_usually_fills_within_fifty_basis_points(venue: str, symbol: str) -> None:
    """Most books hold 0.5 BTC near the best price, and some do not."""
    source = generated(1)
    filled = [fillable(source.book(venue, symbol, T0 + i), 50) >= Decimal("0.5") for i in range(300)]
    assert 0.9 < sum(filled) / len(filled) < 1


def test_venues_follow_one_price() -> None:
    """The venues' prices move together: they differ by basis points, not by percents."""
    source = generated(1)
    for i in range(50):
        at = T0 + i * 60
        usdt = source.book("binance", "BTC/USDT", at).bids[0][0]
        usd = source.book("kraken", "BTC/USD", at).bids[0][0]
        assert abs(usdt / usd - 1) < Decimal("0.002")
