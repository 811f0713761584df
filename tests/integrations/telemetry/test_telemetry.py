"""Log records and metrics as a host program sees them."""

from __future__ import annotations

import json
import logging
from decimal import Decimal

import pytest

from backend.domain.orders import Credentials
from backend.domain.reasons import DropReason, FailoverFailure
from backend.integrations.telemetry.telemetry import StandardTelemetry
from backend.policies.routing_tables import EXCHANGES


@pytest.fixture
def telemetry() -> StandardTelemetry:
    return StandardTelemetry(EXCHANGES)


def test_records_are_json_through_standard_logging(
    telemetry: StandardTelemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """A handler of the host program sees one JSON object with message, upper-case level and the fields, exactly."""
    with caplog.at_level(logging.DEBUG):
        telemetry.warning("Order 100 % parked", quantity=Decimal("0.10"), reason=DropReason.OVER_CAP, message_id=3)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("quantum_trader", "WARNING")
    assert json.loads(record.getMessage()) == {
        "message": "Order 100 % parked",
        "level": "WARNING",
        "quantity": "0.10",
        "reason": "over_cap",
        "message_id": 3,
    }
    assert record.__dict__["field_quantity"] == Decimal("0.10")
    assert record.pathname.endswith("test_telemetry.py")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_levels(telemetry: StandardTelemetry, caplog: pytest.LogCaptureFixture, level: str) -> None:
    """Each method writes its own level, and a filtered level costs no record."""
    with caplog.at_level(logging.DEBUG):
        getattr(telemetry, level)("told")
    assert [record.levelname for record in caplog.records] == [level.upper()]
    caplog.clear()
    with caplog.at_level(logging.CRITICAL):
        getattr(telemetry, level)("told")
    assert caplog.records == []


def test_secrets_do_not_print(telemetry: StandardTelemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Credentials that reach a log field show nothing of themselves."""
    with caplog.at_level(logging.DEBUG):
        telemetry.error("told", credentials=Credentials(api_key="canary-key", secret="canary-secret"))
    assert "canary" not in caplog.text


def test_the_specified_metrics(telemetry: StandardTelemetry) -> None:
    """The four specified names with their labels, counted."""
    telemetry.failed_over("binance", "kraken")
    telemetry.health_checked("binance", "down", 0.2)
    telemetry.failover_failed("binance", FailoverFailure.ALL_DOWN)
    telemetry.attempt_answered("kraken", "working", 0.03)
    telemetry.order_ended("done")
    value = telemetry.registry.get_sample_value
    assert value("exchange_failover_events_total", {"primary": "binance", "selected": "kraken"}) == 1
    assert value("exchange_health_checks_total", {"exchange": "binance", "status": "down"}) == 1
    assert value("exchange_health_check_duration_seconds_sum", {"exchange": "binance"}) == pytest.approx(0.2)
    assert value("exchange_failover_failures_total", {"primary": "binance", "reason": "all_down"}) == 1
    assert value("router_attempts_total", {"exchange": "kraken", "outcome": "working"}) == 1
    assert value("router_ack_duration_seconds_count", {"exchange": "kraken"}) == 1
    assert value("router_orders_total", {"outcome": "done"}) == 1


def test_children_exist_from_the_start(telemetry: StandardTelemetry) -> None:
    """All thirty failover pairs are there at zero, so that a rate can be asked before the first event."""
    text = telemetry.metrics.exposition().decode()
    pairs = [line for line in text.splitlines() if line.startswith("exchange_failover_events_total{")]
    assert len(pairs) == 30
    assert all(line.endswith(" 0.0") for line in pairs)
    assert "_created" not in text


@pytest.mark.parametrize("value", [float("nan"), {Decimal(1): 2}, {("a", "b"): 1}])
def test_a_log_never_fails_its_caller(
    telemetry: StandardTelemetry, caplog: pytest.LogCaptureFixture, value: object
) -> None:
    """What has no place in JSON stands as its repr; the other fields stay exact."""
    with caplog.at_level(logging.DEBUG):
        telemetry.info("told", odd=value, quantity=Decimal("0.10"))
    told = json.loads(caplog.records[0].getMessage())
    assert (told["odd"], told["quantity"]) == (repr(value), "0.10")


def test_no_field_takes_the_level(telemetry: StandardTelemetry, caplog: pytest.LogCaptureFixture) -> None:
    """The record's own keys are its own, whatever a field is called."""
    with caplog.at_level(logging.DEBUG):
        telemetry.info("told", level="a price level", name="n", args=1)
    told = json.loads(caplog.records[0].getMessage())
    assert (told["level"], told["field_level"], told["name"]) == ("INFO", "a price level", "n")
