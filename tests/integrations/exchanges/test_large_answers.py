"""An answer of megabytes is read in another thread, and reads the same."""

from __future__ import annotations

import json
import threading
from decimal import Decimal

import pytest

from backend.domain.errors import VenueCallFailed
from backend.integrations.exchanges.binance.adapter import BinanceAdapter
from backend.integrations.exchanges.shared import http_fact
from backend.integrations.exchanges.shared.http_fact import LARGE_BYTES, NOT_JSON, HttpFact
from backend.ports.transport import HttpAnswer
from tests.fakes.transport import answer
from tests.integrations.exchanges.support import BINANCE_MARKET, make_bench

SYMBOLS = [{**BINANCE_MARKET, "symbol": f"C{n}USDT", "baseAsset": f"C{n}"} for n in range(1_000)]


async def test_a_large_document_is_as_exact_as_a_small_one() -> None:
    """Numbers stay exact and constants that JSON does not know are refused, whatever the size."""
    for size in (1, LARGE_BYTES):
        padding = "x" * size
        fact = await HttpFact.read(answer_of(json.dumps({"price": 0.1, "padding": padding})))
        assert fact.large == (size > 1)
        assert fact.document == {"price": Decimal("0.1"), "padding": padding}
        assert (await HttpFact.read(answer_of(f'{{"a": NaN, "b": "{padding}"}}'))).document is NOT_JSON


async def test_a_long_list_of_markets_is_not_read_in_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding and parsing happen in another thread, and every market arrives."""
    decoded, threads = http_fact.decoded, []

    def watched(body: bytes) -> object:
        threads.append(threading.current_thread())
        return decoded(body)

    monkeypatch.setattr(http_fact, "decoded", watched)
    bench = make_bench("binance")
    bench.transport.standing["/api/v3/exchangeInfo"] = answer({"symbols": SYMBOLS})
    assert isinstance(bench.adapter, BinanceAdapter)
    assert len(await bench.adapter.instruments()) == len(SYMBOLS)
    assert threads
    assert threading.main_thread() not in threads


async def test_a_large_answer_that_is_malformed_is_a_failed_call() -> None:
    """The other thread's error is the same typed error."""
    bench = make_bench("binance")
    bench.transport.standing["/api/v3/exchangeInfo"] = answer({"symbols": [*SYMBOLS, 7]})
    with pytest.raises(VenueCallFailed, match="not as documented"):
        await bench.adapter.warm()


def answer_of(body: str) -> HttpAnswer:
    return HttpAnswer(200, "OK", {}, body.encode(), 0.0)
