"""The one table of exit statuses."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from backend.api.endpoint import Endpoint
from backend.cli.remote import ask
from backend.cli.statuses import (
    CONFIGURATION,
    FAILED,
    JOURNAL_FAILED,
    OK,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    USAGE,
    RouterRefused,
    RouterSilent,
    RouterUnreachable,
    status_of_error,
    status_of_order,
)
from backend.domain.errors import (
    ConfigurationError,
    InvalidOrder,
    JournalFailed,
    JournalLocked,
    OrderFateUnknown,
    QuantumTraderError,
    UnknownExchange,
)

DOCUMENTED = Path("docs/operating/serve.md")
ERRORS: list[tuple[QuantumTraderError, int]] = [
    (ConfigurationError("x"), CONFIGURATION),
    (InvalidOrder("quantity", "x"), USAGE),
    (JournalFailed("x"), JOURNAL_FAILED),
    (JournalLocked("x"), FAILED),
    (OrderFateUnknown("order-1", ValueError("x")), UNKNOWN),
    (RouterSilent("x"), UNKNOWN),
    (RouterUnreachable("x"), UNREACHABLE),
    (RouterRefused("HTTP 500"), FAILED),
    (UnknownExchange("x", ()), CONFIGURATION),
]


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_an_error_and_the_same_one_told_by_a_router(error: QuantumTraderError, status: int) -> None:
    """A script need not know whether a router was running."""
    assert status_of_error(error) == status
    assert status_of_error(RouterRefused("told", type(error).__name__)) == status


@pytest.mark.parametrize(
    ("state", "reason", "going_on", "status"),
    [
        ("done", "filled", False, OK),
        ("done_short", "cancelled", False, OK),
        ("done_short", "liquidity", False, FAILED),
        ("rejected", "all_down", False, FAILED),
        ("rejected", "over_cap", False, REFUSED),
        ("parked", "not_found", False, UNKNOWN),
        ("parked", "not_found", True, UNKNOWN),
        ("active", None, False, UNKNOWN),
        ("new", None, False, UNKNOWN),
        ("active", None, True, OK),
    ],
)
def test_an_order(state: str, reason: str | None, going_on: bool, status: int) -> None:
    """What nobody knows is not told as a failure: a script that buys again on status 1 would buy twice."""
    assert status_of_order({"state": state, "reason": reason}, going_on=going_on) == status


def test_a_router_that_cannot_be_connected_to_has_done_nothing() -> None:
    """Whatever was asked: the connection was refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for method in ("GET", "POST"):
        with pytest.raises(RouterUnreachable):
            ask(Endpoint(port, "token", 1), method, "/v1/orders")


def test_a_router_that_dies_over_an_order_may_have_done_it() -> None:
    """The request was taken and the connection broke: the order's fate is unknown. A question can be asked again."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def breaks() -> None:
            for _ in range(2):
                connection, _address = server.accept()
                connection.recv(65_536)
                connection.close()

        threading.Thread(target=breaks, daemon=True).start()
        endpoint = Endpoint(server.getsockname()[1], "token", 1)
        with pytest.raises(RouterSilent, match="repeat it with the same id"):
            ask(endpoint, "POST", "/v1/orders", body={})
        with pytest.raises(RouterUnreachable):
            ask(endpoint, "GET", "/v1/status")


def test_the_operators_guide_has_the_whole_table() -> None:
    """A status that is not documented cannot be relied upon."""
    rows = [line.split("|")[1].strip() for line in DOCUMENTED.read_text().splitlines() if line.startswith("| ")]
    assert {str(status) for status in range(8)} <= set(rows)
