"""The specified way to paper: journaled and checked like a real order, and apart from the real ones."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from backend.bootstrap import Runtime, using
from backend.config import ExecutionConfig, Limits, PaperSettings, Settings, VenueSettings
from backend.domain.errors import UnknownExchange
from backend.domain.lifecycle import IntentState, Proof
from backend.domain.orders import Intent
from backend.domain.reasons import DropReason
from backend.integrations.exchanges.paper import PaperExchangeAdapter
from backend.policies.routing_tables import CHAINS, EXCHANGES, PAPER
from backend.services.execution.execution import build_execution_adapter
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.transport import ScriptedTransport, answer
from tests.integrations.exchanges.support import MARKETS, keys

BOOK = {"bids": [["49990.00", "1"]], "asks": [["50000.00", "0.3"], ["50010.00", "2"]]}
KRAKEN_BOOK = {"error": [], "result": {"XXBTZUSD": {"bids": [["49990.0", "1", 1]], "asks": [["51000.0", "3", 1]]}}}


def settings_in(folder: Path, **changes: object) -> Settings:
    settings = Settings(
        journal_path=str(folder / "journal.sqlite"),
        venues={"binance": VenueSettings(credentials=keys("binance"))},
        paper=PaperSettings({"USDT": Decimal(60_000), "USD": Decimal(60_000)}),
    )
    return replace(settings, **changes)  # type: ignore[arg-type]


def runtime_in(folder: Path, **changes: object) -> tuple[Runtime, ScriptedTransport]:
    transport = ScriptedTransport(
        standing={
            **MARKETS["binance"],
            **MARKETS["kraken"],
            "/sapi/v1/account/apiRestrictions": answer({"enableWithdrawals": False}),
            "/api/v3/depth": answer(BOOK),
            "/0/public/Depth": answer(KRAKEN_BOOK),
        }
    )
    telemetry = RecordingTelemetry()
    return Runtime(settings_in(folder, **changes), transport=transport, telemetry=telemetry), transport


def buy(quantity: str, intent_id: str = "order-1", symbol: str = "BTC/USDT") -> Intent:
    return Intent.create(id=intent_id, symbol=symbol, side="buy", quantity=quantity)


def paper_of(exchange: str = "binance") -> PaperExchangeAdapter:
    adapter = build_execution_adapter(ExecutionConfig(exchange=exchange), exchange_override="paper")
    assert isinstance(adapter, PaperExchangeAdapter)
    return adapter


def journals(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.sqlite"))


async def test_an_order_on_paper_is_journaled_and_sends_nothing(tmp_path: Path) -> None:
    """One attempt with its proof and its fills; on the wire are public questions alone, without the key."""
    runtime, transport = runtime_in(tmp_path)
    with using(runtime):
        adapter = paper_of()
        result = await adapter.place_order(buy("1"))
        again = await adapter.place_order(buy("1"))
    assert (result.state, result.filled, result.venues) == (IntentState.DONE, Decimal(1), ("paper",))
    assert [(f.quantity, f.price) for f in result.fills] == [
        (Decimal("0.3"), Decimal(50_000)),
        (Decimal("0.7"), Decimal(50_010)),
    ]
    assert result.attempts[0].proof is Proof.TERMINAL_STATE
    assert again.fills == result.fills
    assert (await adapter.balances())["BTC"].free == Decimal(1)
    assert {r.method for r in transport.requests} == {"GET"}
    assert {urlsplit(r.url).path for r in transport.requests} == {"/api/v3/exchangeInfo", "/api/v3/depth"}
    sent = "".join(f"{request.url}{dict(request.headers)}" for request in transport.requests)
    assert runtime.settings.venue("binance").credentials.api_key not in sent
    await runtime.close()


async def test_paper_is_apart_from_the_real_journal_and_exposure(tmp_path: Path) -> None:
    """The same id is another order on paper, the real caps do not count it, and the real journal is not even opened."""
    runtime, _ = runtime_in(tmp_path)
    with using(runtime):
        await paper_of().place_order(buy("1"))
    assert runtime.exposure.of(PAPER).total == runtime.exposure.of("binance").total == 0
    assert journals(tmp_path) == ["journal-paper-binance.sqlite"]
    router = await runtime.router()
    assert not await router.known("order-1")
    await runtime.close()


async def test_the_caps_hold_on_paper(tmp_path: Path) -> None:
    """A rehearsal in which the limits do not bite would rehearse something else."""
    runtime, _ = runtime_in(tmp_path, limits=Limits(per_order=Decimal(40_000)))
    with using(runtime):
        result = await paper_of().place_order(buy("1"))
    assert result.state is IntentState.REJECTED
    assert [(drop.venue, drop.reason) for drop in result.dropped] == [("paper", DropReason.OVER_CAP)]
    await runtime.close()


async def test_allowed_exchanges_are_about_real_ones(tmp_path: Path) -> None:
    """A list of exchanges that may trade does not forbid to rehearse."""
    runtime, _ = runtime_in(tmp_path, allowed_exchanges=("firi",))
    with using(runtime):
        assert (await paper_of().place_order(buy("0.1"))).state is IntentState.DONE
    await runtime.close()


async def test_a_restart_keeps_balances_and_results(tmp_path: Path) -> None:
    """What the paper's journal holds is booked again, and a repeated id tells its result."""
    for _ in range(2):
        runtime, _transport = runtime_in(tmp_path)
        with using(runtime):
            adapter = paper_of()
            result = await adapter.place_order(buy("1"))
            assert result.filled == Decimal(1)
            assert (await adapter.balances())["BTC"].free == Decimal(1)
        await runtime.close()


async def test_each_exchange_has_its_own_paper(tmp_path: Path) -> None:
    """Two exchanges' books are two accounts, with a journal each; the same exchange twice is one account."""
    runtime, _ = runtime_in(tmp_path)
    with using(runtime):
        binance, kraken = paper_of("binance"), paper_of("kraken")
        assert paper_of("binance") is binance
        await binance.place_order(buy("0.1"))
        result = await kraken.place_order(buy("0.2", symbol="BTC/USD"))
    assert [fill.price for fill in result.fills] == [Decimal(51_000)]
    assert ((await binance.balances())["BTC"].free, (await kraken.balances())["BTC"].free) == (
        Decimal("0.1"),
        Decimal("0.2"),
    )
    assert journals(tmp_path) == ["journal-paper-binance.sqlite", "journal-paper-kraken.sqlite"]
    await runtime.close()


async def test_books_of_paper_are_those_of_the_default_exchange(tmp_path: Path) -> None:
    """A configuration whose exchange is paper itself names no books: the default's are taken."""
    runtime, _ = runtime_in(tmp_path)
    with using(runtime):
        adapter = build_execution_adapter(ExecutionConfig(exchange="paper", default_exchange="kraken"))
        assert isinstance(adapter, PaperExchangeAdapter)
        assert adapter.source == "kraken"
        with pytest.raises(UnknownExchange):
            build_execution_adapter(ExecutionConfig(exchange="mtgox"), exchange_override="paper")
    await runtime.close()


def test_paper_is_no_exchange() -> None:
    """No chain names it, so no order can fail over to it."""
    assert PAPER not in EXCHANGES
    assert all(PAPER not in CHAINS.of(exchange) for exchange in EXCHANGES)


async def test_the_router_takes_no_order_for_paper(tmp_path: Path) -> None:
    """An intent that names it is refused, and so is every other name on the paper's own router."""
    runtime, transport = runtime_in(tmp_path)
    router = await runtime.router()
    with pytest.raises(UnknownExchange):
        await router.submit(Intent.create(id="a", symbol="BTC/USDT", side="buy", quantity="1", exchange="paper"))
    assert {urlsplit(r.url).path for r in transport.requests} == {"/sapi/v1/account/apiRestrictions"}
    await runtime.close()


def test_paper_built_outside_a_loop_works_in_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As scripts do it. Its account is its own; with nobody at the address the order is refused, and the journal is
    closed at the end of each loop, so that the next one can open it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUANTUM_TRADER_JOURNAL_PATH", str(tmp_path / "journal.sqlite"))
    monkeypatch.setenv("QUANTUM_TRADER_VENUES__BINANCE__ENDPOINT", "http://127.0.0.1:9")
    adapter = paper_of()
    for number in range(2):
        result = asyncio.run(_placed(adapter, f"order-{number}"))
        assert result is IntentState.REJECTED
    assert journals(tmp_path) == ["journal-paper-binance.sqlite"]


async def _placed(adapter: PaperExchangeAdapter, intent_id: str) -> IntentState:
    return (await adapter.place_order(buy("1", intent_id))).state
