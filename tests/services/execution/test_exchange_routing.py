"""The specified strategy routing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from backend.config import ExecutionConfig
from backend.domain.errors import UnknownExchange
from backend.integrations.exchanges.binance import BinanceAdapter
from backend.integrations.exchanges.bybit import BybitAdapter
from backend.integrations.exchanges.firi import FiriAdapter
from backend.integrations.exchanges.kraken import KrakenAdapter
from backend.integrations.exchanges.kucoin import KucoinAdapter
from backend.integrations.exchanges.okx import OkxAdapter
from backend.policies import exchange_policy as policy
from backend.policies.routing_tables import EXCHANGES
from backend.services.execution import execution
from backend.services.execution.execution import resolve_exchange_for_signal


def test_default_without_environment() -> None:
    """Without settings every exchange is allowed and binance is the default."""
    assert policy.DEFAULT_EXCHANGE == "binance"
    assert tuple(policy.ALLOWED_EXCHANGES) == EXCHANGES


def test_strategy_without_mapping_uses_the_default() -> None:
    """A strategy nobody mapped, or none at all, goes to the default exchange."""
    assert policy.get_exchange_for_strategy("unmapped") == policy.DEFAULT_EXCHANGE
    assert policy.get_exchange_for_strategy(None) == policy.DEFAULT_EXCHANGE


def test_set_strategy_exchange_mapping_merges() -> None:
    """A second mapping adds to the first, in the module's own mapping."""
    policy.set_strategy_exchange_mapping({"a": "kraken"})
    policy.set_strategy_exchange_mapping({"b": "firi"})
    assert policy.get_exchange_for_strategy("a") == "kraken"
    assert policy.get_exchange_for_strategy("b") == "firi"
    assert policy.STRATEGY_EXCHANGE_MAP["a"] == "kraken"


def test_set_strategy_exchange_mapping_refuses_unknown_names() -> None:
    """A mapping with an unknown exchange is refused whole."""
    with pytest.raises(UnknownExchange):
        policy.set_strategy_exchange_mapping({"a": "kraken", "b": "mtgox"})
    assert "a" not in policy.get_current_mapping()


def test_get_current_mapping_is_a_copy() -> None:
    """Changing what was handed out does not change the mapping."""
    policy.get_current_mapping()["a"] = "kraken"
    assert "a" not in policy.STRATEGY_EXCHANGE_MAP


def test_validate_exchange_name(caplog: pytest.LogCaptureFixture) -> None:
    """A known name passes in any case of letters; an unknown one warns and gives the default."""
    assert policy.validate_exchange_name(" Kraken ") == "kraken"
    with caplog.at_level(logging.WARNING):
        assert policy.validate_exchange_name("mtgox") == policy.DEFAULT_EXCHANGE
        assert policy.validate_exchange_name(None) == policy.DEFAULT_EXCHANGE
    assert "mtgox" in caplog.text


def test_explicit_then_strategy_then_default() -> None:
    """A signal's own exchange wins over its strategy's, which wins over the default."""
    policy.set_strategy_exchange_mapping({"carry": "kraken"})
    assert resolve_exchange_for_signal("firi", "carry") == "firi"
    assert resolve_exchange_for_signal(None, "carry") == "kraken"
    assert resolve_exchange_for_signal(None, "other") == "binance"
    assert resolve_exchange_for_signal("", "other") == "binance"


@pytest.mark.parametrize(
    ("default", "allowed", "expected"),
    [
        ("kraken", "", f"kraken {','.join(EXCHANGES)}"),
        ("Kraken", "kraken, FIRI", "kraken kraken,firi"),
        ("binance", "kraken,firi", "kraken kraken,firi"),
        ("mtgox", "", f"binance {','.join(EXCHANGES)}"),
        ("", "mtgox,firi", "firi firi"),
    ],
)
def test_environment(default: str, allowed: str, expected: str) -> None:
    """DEFAULT_EXCHANGE and ALLOWED_EXCHANGES come from the environment; what is unusable warns and is left out."""
    program = (
        "from backend.policies import exchange_policy as p; print(p.DEFAULT_EXCHANGE, ','.join(p.ALLOWED_EXCHANGES))"
    )
    environment = {**os.environ, "DEFAULT_EXCHANGE": default, "ALLOWED_EXCHANGES": allowed}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_specified_names_are_exported() -> None:
    """Everything the specification names is in ``__all__``."""
    assert set(execution.__all__) >= {
        "build_execution_adapter",
        "check_exchange_limits",
        "resolve_exchange_for_signal",
        "resolve_exchange_with_failover",
        "run_execution_loop",
    }


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        ("binance", BinanceAdapter),
        ("kraken", KrakenAdapter),
        ("firi", FiriAdapter),
        ("bybit", BybitAdapter),
        ("okx", OkxAdapter),
        ("kucoin", KucoinAdapter),
    ],
)
async def test_build_execution_adapter(exchange: str, expected: type[object]) -> None:
    """Each venue's own adapter class is returned, by the configuration or by the override."""
    by_config = execution.build_execution_adapter(ExecutionConfig(exchange=exchange))
    by_override = execution.build_execution_adapter(ExecutionConfig(), exchange_override=exchange)
    assert type(by_config) is type(by_override) is expected
    assert by_config.venue == exchange


def test_build_execution_adapter_of_no_exchange() -> None:
    """An unknown name is a clear error."""
    with pytest.raises(UnknownExchange, match="mtgox"):
        execution.build_execution_adapter(ExecutionConfig(exchange="mtgox"))
