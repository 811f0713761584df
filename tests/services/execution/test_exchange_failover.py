"""The specified failover interface. No network: the health question is replaced where one is asked."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from backend import bootstrap
from backend.domain.errors import ConfigurationError
from backend.domain.health import ExchangeHealth
from backend.policies import exchange_failover_policy as failover
from backend.policies.exchange_policy import set_strategy_exchange_mapping
from backend.services.execution import execution

EXPECTED_CHAINS = {
    "binance": ["binance", "bybit", "okx", "kucoin", "kraken", "firi"],
    "bybit": ["bybit", "okx", "binance", "kucoin", "kraken", "firi"],
    "okx": ["okx", "bybit", "binance", "kucoin", "kraken", "firi"],
    "kucoin": ["kucoin", "okx", "bybit", "binance", "kraken", "firi"],
    "kraken": ["kraken", "binance", "firi", "bybit", "okx", "kucoin"],
    "firi": ["firi", "binance", "kraken", "bybit", "okx", "kucoin"],
}


class HealthDesk:
    """Answers health questions from a table and remembers who was asked; an Exception in the table is raised."""

    def __init__(self, answers: Mapping[str, str | Exception], otherwise: str = "down") -> None:
        self.answers = answers
        self.otherwise = otherwise
        self.asked: list[str] = []

    async def __call__(self, exchange: str) -> ExchangeHealth:
        self.asked.append(exchange)
        answer = self.answers.get(exchange, self.otherwise)
        if isinstance(answer, Exception):
            raise answer
        latency = None if answer == "down" else 12.5
        error = None if answer == "ok" else f"{exchange} is {answer}"
        return {"status": answer, "latency_ms": latency, "last_error": error}  # type: ignore[typeddict-item]


def ask(monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, str | Exception], otherwise: str = "down") -> HealthDesk:
    desk = HealthDesk(answers, otherwise)
    monkeypatch.setattr(failover, "get_exchange_health", desk)
    return desk


def counted(name: str, **labels: str) -> float:
    """The value of one of our counters; 0 when that child was never touched."""
    telemetry = bootstrap.process_telemetry()
    registry: CollectorRegistry = getattr(telemetry, "registry", REGISTRY)
    return registry.get_sample_value(name, labels) or 0.0


def records(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    """The JSON records with this message, as a host program's handler sees them."""
    found = [json.loads(record.getMessage()) for record in caplog.records if record.name == "quantum_trader"]
    return [record for record in found if record["message"] == message]


@pytest.mark.parametrize("exchange", EXPECTED_CHAINS)
def test_get_failover_chain_configured(exchange: str) -> None:
    """Each of the six exchanges has the specified chain, given as a list."""
    chain = failover.get_failover_chain(exchange)
    assert chain == EXPECTED_CHAINS[exchange]
    assert isinstance(chain, list)
    assert failover.DEFAULT_FAILOVER_CHAIN[exchange] == tuple(chain)


def test_get_failover_chain_unconfigured(caplog: pytest.LogCaptureFixture) -> None:
    """An exchange without a chain stands alone, with a warning that names it."""
    with caplog.at_level(logging.WARNING):
        assert failover.get_failover_chain("nowhere") == ["nowhere"]
    (record,) = records(caplog, "No failover chain configured for exchange")
    assert record["exchange"] == "nowhere"
    assert record["level"] == "WARNING"


def test_set_failover_chain() -> None:
    """A chain is replaced at run time by any sequence, and handing out a list does not hand out the table."""
    failover.set_failover_chain("binance", ("binance", "kraken"))
    chain = failover.get_failover_chain("binance")
    assert chain == ["binance", "kraken"]
    chain.append("firi")
    assert failover.get_failover_chain("binance") == ["binance", "kraken"]


@pytest.mark.parametrize(
    ("chain", "complaint"),
    [
        ([], "empty"),
        (["binance", "mtgox"], "unknown exchange 'mtgox'"),
        (["binance", "kraken", "kraken"], "more than once"),
        (["kraken", "binance"], "must begin with binance"),
        ("binance", "one string"),
        (["binance", None], "unknown exchange None"),
    ],
)
def test_set_failover_chain_refuses(chain: list[str], complaint: str) -> None:
    """A chain that cannot be used is refused with a clear error and changes nothing."""
    before = failover.get_failover_chain("binance")
    with pytest.raises(ConfigurationError, match=complaint):
        failover.set_failover_chain("binance", chain)
    assert failover.get_failover_chain("binance") == before


def test_is_healthy_ok() -> None:
    """ok is healthy."""
    assert failover.is_healthy({"status": "ok", "latency_ms": 10.0, "last_error": None}) is True


def test_is_healthy_degraded() -> None:
    """degraded is not healthy."""
    assert failover.is_healthy({"status": "degraded", "latency_ms": 1500.0, "last_error": "slow"}) is False


def test_is_healthy_down() -> None:
    """down is not healthy, and neither is an answer without a status."""
    assert failover.is_healthy({"status": "down", "latency_ms": None, "last_error": "refused"}) is False
    assert failover.is_healthy({}) is False


async def test_choose_exchange_primary_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A healthy primary is chosen and nobody else is asked."""
    desk = ask(monkeypatch, {"binance": "ok"})
    assert await failover.choose_exchange_with_failover("binance") == "binance"
    assert desk.asked == ["binance"]


async def test_choose_exchange_primary_down_secondary_ok(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next healthy exchange is chosen, with the specified log records and metric."""
    ask(monkeypatch, {"bybit": "ok"})
    before = counted("exchange_failover_events_total", primary="binance", selected="bybit")
    with caplog.at_level(logging.DEBUG):
        assert await failover.choose_exchange_with_failover("binance") == "bybit"
    (activated,) = records(caplog, "Failover activated - primary exchange unhealthy")
    assert activated["level"] == "WARNING"
    assert (activated["primary"], activated["selected"], activated["latency_ms"]) == ("binance", "bybit", 12.5)
    (skipped,) = records(caplog, "Exchange unhealthy, trying next in chain")
    assert skipped["level"] == "DEBUG"
    assert (skipped["exchange"], skipped["status"], skipped["error"]) == ("binance", "down", "binance is down")
    assert counted("exchange_failover_events_total", primary="binance", selected="bybit") == before + 1


async def test_choose_exchange_all_down(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """With no healthy exchange the default is returned, loudly, after each was asked once."""
    desk = ask(monkeypatch, {})
    before = counted("exchange_failover_failures_total", primary="kraken", reason="all_down")
    with caplog.at_level(logging.ERROR):
        assert await failover.choose_exchange_with_failover("kraken", "binance") == "binance"
    assert desk.asked == EXPECTED_CHAINS["kraken"]
    (record,) = records(caplog, "All exchanges in failover chain are unhealthy")
    assert record["level"] == "ERROR"
    assert (record["primary"], record["fallback"]) == ("kraken", "binance")
    assert record["chain"] == EXPECTED_CHAINS["kraken"]
    assert counted("exchange_failover_failures_total", primary="kraken", reason="all_down") == before + 1


async def test_choose_exchange_health_check_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that raises counts as down."""
    ask(monkeypatch, {"binance": RuntimeError("socket exploded"), "bybit": "ok"})
    assert await failover.choose_exchange_with_failover("binance") == "bybit"


async def test_choose_exchange_degraded_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A degraded exchange is skipped like one that is down."""
    desk = ask(monkeypatch, {"binance": "degraded", "bybit": "degraded", "okx": "ok"})
    assert await failover.choose_exchange_with_failover("binance") == "okx"
    assert desk.asked == ["binance", "bybit", "okx"]


async def test_choose_exchange_tries_a_default_outside_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is asked too when the chain lacks it, and only then."""
    failover.set_failover_chain("kraken", ["kraken", "firi"])
    desk = ask(monkeypatch, {"okx": "ok"})
    assert await failover.choose_exchange_with_failover("kraken", "okx") == "okx"
    assert desk.asked == ["kraken", "firi", "okx"]


async def test_resolve_exchange_with_failover(monkeypatch: pytest.MonkeyPatch) -> None:
    """The execution's entry point makes the same choice through the same replaceable question."""
    desk = ask(monkeypatch, {"binance": "ok"})
    assert await execution.resolve_exchange_with_failover("firi") == "binance"
    assert desk.asked == ["firi", "binance"]


async def test_failover_with_strategy_routing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy's exchange is the primary whose chain is used."""
    set_strategy_exchange_mapping({"carry": "okx"})
    ask(monkeypatch, {"bybit": "ok", "binance": "ok"})
    primary = execution.resolve_exchange_for_signal(None, "carry")
    assert primary == "okx"
    assert await execution.resolve_exchange_with_failover(primary) == "bybit"


async def test_health_of_an_unknown_name() -> None:
    """A name that is no exchange is down too, never an exception."""
    health = await failover.get_exchange_health("mtgox")
    assert health["status"] == "down"
    assert "unknown exchange" in (health["last_error"] or "")
