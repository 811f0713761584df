"""Recorded quotes as the emulated exchanges' books. Read where they lie; only the best level was recorded.

Three recordings of one day stand in for the three exchanges, second by second as they were recorded.
"""

from __future__ import annotations

import csv
import gzip
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from backend.domain.errors import ConfigurationError
from backend.emulator.books import BookFrame, Level

ROWS_MAX = 500_000


@dataclass(frozen=True, slots=True)
class StandIn:
    """One recording: the file, the exchange and symbol it stands for, and the rate from its quote to that symbol's."""

    file: str
    venue: str
    symbol: str
    rate: Decimal
    told: str


STAND_INS: tuple[StandIn, ...] = (
    StandIn("BINANCE.UM_BTCUSDT.quote.csv.gz", "binance", "BTC/USDT", Decimal(1), "Binance USD-M BTCUSDT as BTC/USDT"),
    StandIn("KRAKEN.F_BTCUSD.quote.csv.gz", "kraken", "BTC/USD", Decimal(1), "Kraken Futures BTCUSD as BTC/USD"),
    StandIn(
        "HYPERLIQUID_BTCUSDC.quote.csv.gz",
        "firi",
        "BTC/NOK",
        Decimal("10.5"),
        "Hyperliquid BTCUSDC as BTC/NOK, at a fixed 10.5 NOK",
    ),
)

_Row = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Recording:
    seconds: list[float]
    rows: list[_Row]
    rate: Decimal

    def frame(self, second: float, shift: float) -> BookFrame:
        """The quote that stood at that second of the day; ``shift`` takes the day's seconds to the demo's clock.

        A row was written only when the quote changed. So it stands for every second until the next row, and what an
        order took of it is shown again in the next second, as it was recorded.
        """
        index = max(bisect_right(self.seconds, second) - 1, 0)
        begins = max(math.floor(second), self.seconds[index])
        ask_amount, ask_price, bid_price, bid_amount = (Decimal(text) for text in self.rows[index])
        bids: tuple[Level, ...] = ((bid_price * self.rate, bid_amount),)
        asks: tuple[Level, ...] = ((ask_price * self.rate, ask_amount),)
        return BookFrame(begins + shift, math.floor(second) + 1 + shift, bids, asks)


class RecordedBooks:
    """A BookSource. ``starts_at`` (the demo's clock) meets second ``from_second`` of the recorded day."""

    def __init__(self, folder: Path, *, starts_at: float, from_second: float) -> None:
        self._shift = starts_at - from_second
        self._recordings = {(s.venue, s.symbol): _read(folder / s.file, s.rate) for s in STAND_INS}

    @property
    def told(self) -> Mapping[str, str]:
        """Which recording stands in for which exchange."""
        return {stand_in.venue: stand_in.told for stand_in in STAND_INS}

    def book(self, venue: str, symbol: str, now: float) -> BookFrame:
        """The recorded quote; a market without a recording has an empty book."""
        recording = self._recordings.get((venue, symbol))
        if recording is None:
            return BookFrame(0.0, math.inf, (), ())
        return recording.frame(now - self._shift, self._shift)


def _read(path: Path, rate: Decimal) -> _Recording:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return _parsed(csv.DictReader(file), rate)
    except FileNotFoundError:
        expected = ", ".join(stand_in.file for stand_in in STAND_INS)
        raise ConfigurationError(f"{path} does not exist; --books needs a folder with {expected}") from None
    except (OSError, EOFError, KeyError, ValueError) as error:
        raise ConfigurationError(f"{path} is not a recording of quotes: {error!r}") from None


def _parsed(reader: csv.DictReader[str], rate: Decimal) -> _Recording:
    seconds: list[float] = []
    rows: list[_Row] = []
    midnight: float | None = None
    for row in reader:
        at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp()
        midnight = at - at % 86_400 if midnight is None else midnight
        seconds.append(at - midnight)
        rows.append((row["ask_amount"], row["ask_price"], row["bid_price"], row["bid_amount"]))
        if len(rows) > ROWS_MAX:
            raise ValueError(f"more than {ROWS_MAX} rows")
    if not rows:
        raise ValueError("no rows")
    return _Recording(seconds, rows, rate)
