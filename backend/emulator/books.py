"""Where the external order books come from. The generated source needs no data and is the same for the same seed."""

from __future__ import annotations

import hashlib
import math
import random
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from backend.emulator.market import Market

UsdPrice = Callable[[str, float], float | None]  # (base asset, epoch seconds) to its price, where it is known
Level = tuple[Decimal, Decimal]  # price in quote units, quantity in base units

FRAME_S = 0.5  # how long one generated book stands
LEVELS = 20
FRAMES_KEPT_MAX = 256
THIN_SHARE = 0.04  # so many of the books hold only THIN_SIZE of the usual size: large orders fill in part
THIN_SIZE = 0.05
NOISE_PERIODS_S = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0)
WALK_BPS_PER_SQRT_S = 0.25  # size of the common price movement
REFERENCE_USD = {"BTC": 60_000.0, "ETH": 3_000.0}  # invented round numbers, not quotes
OTHER_ASSET_USD = 100.0
QUOTE_PER_USD = {"USD": 1.0, "USDT": 1.0, "NOK": 10.5, "DKK": 6.9}
BASIS_POINT = 1e-4


@dataclass(frozen=True, slots=True)
class BookFrame:
    """One state of the external book: bids from high to low, asks from low to high.

    It stands from ``at`` until ``until`` (epoch seconds). With infinity the source does not know yet when the next book
    comes and is asked again at every look. What our orders take from a frame stays taken until a frame with another
    ``at`` replaces it.
    """

    at: float
    until: float
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class BookSource(Protocol):
    """Anything that knows the external book of a venue at a time. The same question always gets the same answer."""

    def book(self, venue: str, symbol: str, now: float) -> BookFrame:
        """The frame with ``at <= now < until``."""
        ...


@dataclass(frozen=True, slots=True)
class BookShape:
    """What a venue's generated books look like."""

    spread_bps: float
    basis_bps: float  # how far its price wanders from the common price
    gap_bps: float  # mean distance of neighbouring levels
    level_usd: float  # median value of one level


class GeneratedBooks:
    """A price movement common to all venues, and around it a book per venue and pair."""

    def __init__(
        self,
        seed: int,
        shapes: Mapping[str, BookShape],
        markets: Mapping[str, Mapping[str, Market]],
        usd: UsdPrice | None = None,
        frame_s: float = FRAME_S,
    ) -> None:
        """``usd`` gives the common price where it is known (a recording); elsewhere it is invented. ``frame_s``: how
        long one book stands."""
        self._seed = seed
        self._frame_s = frame_s
        self._usd = usd
        self._shapes = shapes
        self._markets = markets
        self._frames: OrderedDict[tuple[str, str, int], BookFrame] = OrderedDict()

    def book(self, venue: str, symbol: str, now: float) -> BookFrame:
        """The frame that stands at ``now``."""
        index = math.floor(now / self._frame_s)
        key = (venue, symbol, index)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = self._make(venue, self._markets[venue][symbol], index)
            if len(self._frames) > FRAMES_KEPT_MAX:
                self._frames.popitem(last=False)
        return frame

    def mid(self, venue: str, market: Market, now: float) -> float:
        """The price in the middle of the generated book, in quote units."""
        basis = self._shapes[venue].basis_bps * self._noise(f"{venue}/{market.symbol}", 30.0, now)
        return self._common(market.base, now) * QUOTE_PER_USD.get(market.quote, 1.0) * math.exp(basis * BASIS_POINT)

    def _common(self, base: str, now: float) -> float:
        """The price that all venues share, in USD."""
        known = None if self._usd is None else self._usd(base, now)
        if known is not None:
            return known
        walk = sum(WALK_BPS_PER_SQRT_S * math.sqrt(p) * self._noise(base, p, now) for p in NOISE_PERIODS_S)
        return REFERENCE_USD.get(base, OTHER_ASSET_USD) * math.exp(walk * BASIS_POINT)

    def _make(self, venue: str, market: Market, index: int) -> BookFrame:
        at = index * self._frame_s
        rng = random.Random(f"{self._seed}/{venue}/{market.symbol}/{index}")  # noqa: S311 - repeatable, guards nothing
        mid = self.mid(venue, market, at)
        bids = _levels(rng, market, self._shapes[venue], mid, -1)
        asks = _levels(rng, market, self._shapes[venue], mid, 1)
        return BookFrame(at, at + self._frame_s, bids, asks)

    def _noise(self, name: str, period: float, now: float) -> float:
        """Smooth noise with unit variance that can be asked at any time: cosine steps between hashed grid values."""
        cell = math.floor(now / period)
        left, right = self._grid(name, period, cell), self._grid(name, period, cell + 1)
        blend = (1 - math.cos(math.pi * (now / period - cell))) / 2
        return left + (right - left) * blend

    def _grid(self, name: str, period: float, cell: int) -> float:
        digest = hashlib.blake2b(f"{self._seed}/{name}/{period}/{cell}".encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") / 2**64 * 2 - 1) * math.sqrt(3)


def _levels(rng: random.Random, market: Market, shape: BookShape, mid: float, direction: int) -> tuple[Level, ...]:
    """One side, best first, on the market's steps and with strictly worse prices. ``direction`` is 1 for asks."""
    size = shape.level_usd / REFERENCE_USD.get(market.base, OTHER_ASSET_USD)
    size *= THIN_SIZE if rng.random() < THIN_SHARE else 1.0
    outward = math.ceil if direction > 0 else math.floor
    price_step, quantity_step = float(market.price_step), float(market.quantity_step)
    distance = shape.spread_bps / 2
    levels: dict[Decimal, Decimal] = {}
    for _ in range(LEVELS):
        price = outward(mid * (1 + direction * distance * BASIS_POINT) / price_step) * market.price_step
        quantity = math.ceil(size * rng.lognormvariate(0.0, 0.7) / quantity_step) * market.quantity_step
        levels[price] = levels.get(price, Decimal(0)) + quantity
        distance += rng.expovariate(1 / shape.gap_bps)
    return tuple(levels.items())
