"""Which recording stands in for which exchange: a small TOML file, or the built-in one for a known folder.

```
folder = "quotes"                 # from the mapping file's own folder; left out: that folder itself

[[book]]
file = "BTCUSDT.quote.csv.gz"     # gzip CSV: timestamp, ask_amount, ask_price, bid_price, bid_amount
venue = "bybit"
symbol = "BTC/USDT"
rate = "1"                        # from the recording's quote currency to the symbol's
told = "Bybit linear BTCUSDT as BTC/USDT"
```

Any subset of exchanges and markets; the rest is generated.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.domain.errors import ConfigurationError
from backend.emulator.dialect import VenueKind
from backend.emulator.registry import KINDS

FILE_NAME = "books.toml"
BOOKS_MAX = 100


@dataclass(frozen=True, slots=True)
class StandIn:
    """One recording: the file, the exchange and symbol it stands for, and the rate from its quote to that symbol's."""

    file: Path
    venue: str
    symbol: str
    rate: Decimal
    told: str


class _Book(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    venue: str
    symbol: str
    rate: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Decimal(1)
    told: str


class _Mapping(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = "."
    book: Annotated[list[_Book], Field(min_length=1, max_length=BOOKS_MAX)]


KNOWN = _Mapping(
    book=[
        _Book(
            file="BINANCE.UM_BTCUSDT.quote.csv.gz",
            venue="binance",
            symbol="BTC/USDT",
            told="Binance USD-M BTCUSDT as BTC/USDT",
        ),
        _Book(
            file="KRAKEN.F_BTCUSD.quote.csv.gz",
            venue="kraken",
            symbol="BTC/USD",
            told="Kraken Futures BTCUSD as BTC/USD",
        ),
        _Book(
            file="HYPERLIQUID_BTCUSDC.quote.csv.gz",
            venue="firi",
            symbol="BTC/NOK",
            rate=Decimal("10.5"),
            told="Hyperliquid BTCUSDC as BTC/NOK, at a fixed 10.5 NOK",
        ),
    ]
)
"""For a folder without a mapping file: one published day of quotes, under the names it was published with."""


def stand_ins(books: Path) -> tuple[StandIn, ...]:
    """The recordings that ``books`` names: a mapping file, or a folder with one, or a folder with the known files.

    Raises ConfigurationError that says what is wrong and what is expected.
    """
    if books.is_file():
        return _of_file(books)
    if (books / FILE_NAME).is_file():
        return _of_file(books / FILE_NAME)
    found = [book for book in KNOWN.book if (books / book.file).is_file()]
    if not found:
        expected = ", ".join(book.file for book in KNOWN.book)
        raise ConfigurationError(f"--books {books}: no {FILE_NAME} there, and none of {expected}")
    return tuple(_stand_in(book, books) for book in found)


def _of_file(path: Path) -> tuple[StandIn, ...]:
    try:
        mapping = _Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path}: {place}: {first['msg']}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read as TOML: {error}") from None
    found = tuple(_stand_in(book, path.parent / mapping.folder) for book in mapping.book)
    _check(found, path, KINDS)
    return found


def _stand_in(book: _Book, folder: Path) -> StandIn:
    return StandIn(folder / book.file, book.venue, book.symbol, book.rate, book.told)


def _check(found: tuple[StandIn, ...], path: Path, kinds: Mapping[str, VenueKind]) -> None:
    """Each names a market of an emulated exchange, and no market twice."""
    markets = {(kind.name, market.symbol) for kind in kinds.values() for market in kind.markets}
    seen: set[tuple[str, str]] = set()
    for stand_in in found:
        market = (stand_in.venue, stand_in.symbol)
        if market not in markets:
            listed = ", ".join(sorted(f"{venue} {symbol}" for venue, symbol in markets))
            raise ConfigurationError(f"{path}: no emulated market {' '.join(market)}; there are: {listed}")
        if market in seen:
            raise ConfigurationError(f"{path}: {' '.join(market)} is named twice")
        seen.add(market)
