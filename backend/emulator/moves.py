"""Books that are pushed: for a while a market stands where somebody wants it, and what rests there fills."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.emulator.books import BookFrame, BookSource, Level
from backend.emulator.market import ZERO, Market


@dataclass(frozen=True, slots=True)
class Move:
    """Where a market goes: its best ask or its best bid to a price, or everything by a share of the price.

    The whole book is shifted by one amount, on the market's price step. ``size`` replaces the quantity of the level
    that was named, in base units.
    """

    market: Market
    ask: Decimal | None = None
    bid: Decimal | None = None
    share: Decimal = ZERO
    size: Decimal | None = None

    def pushed(self, base: BookFrame) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Bids and asks after the move."""
        shift = self._shift(base)
        bids, asks = _shifted(base.bids, shift), _shifted(base.asks, shift)
        if self.size is not None and self.ask is not None:
            asks = ((self.ask, self.size), *asks[1:])
        if self.size is not None and self.bid is not None:
            bids = ((self.bid, self.size), *bids[1:])
        return bids, asks

    def _shift(self, base: BookFrame) -> Decimal:
        if self.ask is not None:
            return self.ask - base.asks[0][0] if base.asks else ZERO
        if self.bid is not None:
            return self.bid - base.bids[0][0] if base.bids else ZERO
        best = [side[0][0] for side in (base.bids, base.asks) if side]
        middle = sum(best, ZERO) / max(1, len(best))
        return (middle * self.share / self.market.price_step).to_integral_value() * self.market.price_step


@dataclass(frozen=True, slots=True)
class TimedMove:
    """A move and its time: from ``begins`` until before ``ends`` (epoch seconds)."""

    begins: float
    ends: float
    move: Move


class MovedBooks:
    """The books of one venue as the moves make them. While a move lasts its book stands still, as one frame.

    ``moves`` tells those that are known now, also future ones; of several at a time the last one counts. When that
    changes, whoever keeps a frame has to ask again.
    """

    def __init__(self, books: BookSource, moves: Callable[[], Iterable[TimedMove]]) -> None:
        self._books = books
        self._moves = moves

    def book(self, venue: str, symbol: str, now: float) -> BookFrame:
        """The frame that stands at ``now``; it ends where a move begins or ends."""
        moves = [timed for timed in self._moves() if timed.move.market.symbol == symbol]
        if not moves:
            return self._books.book(venue, symbol, now)
        since, until = _between(moves, now)
        active = [timed for timed in moves if timed.begins <= now < timed.ends]
        if active:
            base = self._books.book(venue, symbol, active[-1].begins)
            return BookFrame(since, until, *active[-1].move.pushed(base))
        base = self._books.book(venue, symbol, now)
        return BookFrame(max(base.at, since), min(base.until, until), base.bids, base.asks)


def _between(moves: Sequence[TimedMove], now: float) -> tuple[float, float]:
    """The last moment up to ``now``, and the next one after it, at which a move begins or ends."""
    edges = [edge for timed in moves for edge in (timed.begins, timed.ends)]
    return max((e for e in edges if e <= now), default=-math.inf), min((e for e in edges if e > now), default=math.inf)


def _shifted(side: Sequence[Level], shift: Decimal) -> tuple[Level, ...]:
    return tuple((price + shift, size) for price, size in side if price + shift > ZERO)
