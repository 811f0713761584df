"""Recorded quotes as books: which recording stands where, and that the rest is generated around it."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from backend.domain.errors import ConfigurationError
from backend.lab.recorded import GENERATED, RecordedBooks
from backend.lab.stand_ins import KNOWN, stand_ins

HEADER = "timestamp,ask_amount,ask_price,bid_price,bid_amount"
ROWS = ("2026-01-01 00:00:00,2,101,99,1", "2026-01-01 00:00:05,4,111,109,3")
MAPPING = """
folder = "quotes"

[[book]]
file = "one.csv.gz"
venue = "kraken"
symbol = "BTC/USD"
rate = "2"
told = "One as BTC/USD"
"""


def recording(path: Path, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join((HEADER, *rows)).encode()))


def mapped(folder: Path, text: str = MAPPING) -> Path:
    recording(folder / "quotes" / "one.csv.gz", *ROWS)
    path = folder / "books.toml"
    path.write_text(text)
    return path


def books(path: Path, *venues: str) -> RecordedBooks:
    return RecordedBooks(stand_ins(path), venues=venues, seed=1, starts_at=1_000.0, from_second=0.0)


def test_a_mapping_names_any_subset(tmp_path: Path) -> None:
    """The recorded market shows the recording at its rate; the others are generated around its price, and say so."""
    for path in (mapped(tmp_path), tmp_path):
        source = books(path, "kraken", "binance")
        assert source.told == {"kraken": "One as BTC/USD; the rest generated", "binance": GENERATED}
        frame = source.book("kraken", "BTC/USD", 1_006.5)
        assert (frame.bids, frame.asks) == (((Decimal(218), Decimal(3)),), ((Decimal(222), Decimal(4)),))
        generated = source.book("binance", "BTC/USDT", 1_006.5)
        assert len(generated.bids) > 1
        assert Decimal(215) < generated.bids[0][0] < generated.asks[0][0] < Decimal(225)
        assert source.book("kraken", "ETH/USD", 1_006.5).bids[0][0] > 1_000


def test_a_folder_may_hold_only_some_of_the_known_recordings(tmp_path: Path) -> None:
    """Without a mapping file the published names are looked for; one of them is enough."""
    recording(tmp_path / KNOWN.book[1].file, *ROWS)
    source = books(tmp_path, "binance", "kraken")
    assert source.told["kraken"].startswith("Kraken Futures")
    assert source.told["binance"] == GENERATED


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MAPPING.replace("kraken", "mtgox"), "no emulated market mtgox BTC/USD; there are: "),
        (MAPPING + MAPPING.partition("\n\n")[2], "named twice"),
        (MAPPING.replace('"2"', '"-2"'), "book.0.rate: Input should be greater than 0"),
        (MAPPING + 'colour = "red"', "book.0.colour: Extra inputs"),
        ("folder = ", "cannot be read as TOML"),
        ('folder = "x"', "book: Field required"),
        (MAPPING.replace("one.csv", "two.csv"), "two.csv.gz does not exist"),
    ],
)
def test_a_wrong_mapping_is_a_clear_error(tmp_path: Path, text: str, said: str) -> None:
    """The error names the file, the place and what is expected."""
    with pytest.raises(ConfigurationError, match=said):
        books(mapped(tmp_path, text), "kraken")


def test_a_folder_without_recordings_is_a_clear_error(tmp_path: Path) -> None:
    """The error names what is expected; a file that is no recording is told as such."""
    with pytest.raises(ConfigurationError, match=KNOWN.book[0].file):
        stand_ins(tmp_path)
    (tmp_path / KNOWN.book[0].file).write_bytes(b"no gzip")
    with pytest.raises(ConfigurationError, match="not a recording"):
        books(tmp_path, "binance")
    recording(tmp_path / KNOWN.book[0].file)
    with pytest.raises(ConfigurationError, match="no rows"):
        books(tmp_path, "binance")
