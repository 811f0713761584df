"""Recorded quotes as the emulated exchanges' books, second by second. Read where they lie; only the best level was
recorded. What was not recorded is generated around the recorded price, and labelled so.
"""

from __future__ import annotations

import csv
import gzip
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from backend.domain.errors import ConfigurationError
from backend.emulator.books import QUOTE_PER_USD, BookFrame, Level
from backend.emulator.host import generated_books
from backend.lab.stand_ins import StandIn

ROWS_MAX = 500_000
GENERATED = "generated, around the recorded price where there is one"


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
    """A BookSource: recorded quotes where there are some, elsewhere books generated around the recorded price.

    ``starts_at`` (the demo's clock) meets second ``from_second`` of the recorded day.
    """

    def __init__(
        self, recordings: Sequence[StandIn], *, venues: Sequence[str], seed: int, starts_at: float, from_second: float
    ) -> None:
        self._shift = starts_at - from_second
        self._stand_ins = tuple(recordings)
        self._recordings = {(s.venue, s.symbol): _read(s.file, s.rate) for s in recordings}
        self._venues = tuple(venues)
        self._generated = generated_books(seed, venues, self._usd)

    @property
    def told(self) -> Mapping[str, str]:
        """By exchange: which recording stands in for it, or that its books are generated."""
        told = dict.fromkeys(self._venues, GENERATED)
        for venue in {stand_in.venue for stand_in in self._stand_ins}:
            recorded = [stand_in.told for stand_in in self._stand_ins if stand_in.venue == venue]
            told[venue] = "; ".join([*recorded, "the rest generated"])
        return told

    def book(self, venue: str, symbol: str, now: float) -> BookFrame:
        """The recorded quote, or a generated book."""
        recording = self._recordings.get((venue, symbol))
        if recording is None:
            return self._generated.book(venue, symbol, now)
        return recording.frame(now - self._shift, self._shift)

    def _usd(self, base: str, now: float) -> float | None:
        """The recorded mid price in USD, of the first recording of that base."""
        for (_, symbol), recording in self._recordings.items():
            recorded, _, quote = symbol.partition("/")
            if recorded == base:
                frame = recording.frame(now - self._shift, self._shift)
                return float(frame.bids[0][0] + frame.asks[0][0]) / 2 / QUOTE_PER_USD.get(quote, 1.0)
        return None


def _read(path: Path, rate: Decimal) -> _Recording:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return _parsed(csv.DictReader(file), rate)
    except FileNotFoundError:
        raise ConfigurationError(f"{path} does not exist, but the mapping of --books names it") from None
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
