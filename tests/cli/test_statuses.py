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
    status_of_lost_answer,
    status_of_order,
)
from backend.domain.errors import (
    ConfigurationError,
    InvalidOrder,
    JournalError,
    JournalFailed,
    JournalLocked,
    OrderFateUnknown,
    QuantumTraderError,
    RouterBusy,
    RouterClosed,
    RouterHalted,
    UnknownExchange,
    UnknownOrder,
)

HALF = {"filled": "0.5", "quantity": "1"}
DOCUMENTED = Path("docs/operating/serve.md")
ERRORS: list[tuple[QuantumTraderError, int]] = [
    (ConfigurationError("x"), CONFIGURATION),
    (InvalidOrder("quantity", "x"), USAGE),
    (JournalFailed("x"), JOURNAL_FAILED),
    (JournalLocked("x"), UNREACHABLE),
    (RouterBusy("x"), UNREACHABLE),
    (RouterClosed("x"), UNREACHABLE),
    (RouterHalted("x"), UNREACHABLE),
    (JournalError("x"), FAILED),
    (OrderFateUnknown("order-1", ValueError("x")), UNKNOWN),
    (RouterSilent("x"), UNKNOWN),
    (RouterUnreachable("x"), UNREACHABLE),
    (RouterRefused("HTTP 500"), FAILED),
    (UnknownExchange("x", ()), CONFIGURATION),
    (UnknownOrder("x"), USAGE),
]


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_an_error_and_the_same_one_told_by_a_router(error: QuantumTraderError, status: int) -> None:
    """A script need not know whether a router was running."""
    assert status_of_error(error) == status
    assert status_of_error(RouterRefused("told", type(error).__name__)) == status


@pytest.mark.parametrize("error", [error for error, _ in ERRORS])
def test_no_error_is_an_orders_own_failure(error: QuantumTraderError) -> None:
    """In the place of an order's record it says nothing of the order: a script that buys again on status 1 must not
    get it, nor the one that tells of a limit."""
    assert status_of_lost_answer(error) not in (OK, FAILED, REFUSED)


def test_an_order_that_should_rest_and_is_not_found_is_in_doubt() -> None:
    """Its only attempt is unknown: it may be anywhere. One that works is where it should be."""
    active = {**HALF, "state": "active", "reason": None}
    for state, status in (("unknown", UNKNOWN), ("working", OK)):
        assert status_of_order({**active, "attempts": [{"state": state}]}, going_on=True) == status


def test_a_part_that_executed_is_no_refusal() -> None:
    """The status of a refusal says that nothing was sent."""
    assert status_of_order({**HALF, "state": "done_short", "reason": "over_cap"}, going_on=False) == FAILED


def test_a_stored_cancel_is_not_yet_a_done_one() -> None:
    """What is open at an exchange may execute: a script that puts another in its place could have both."""
    document = {**HALF, "state": "active", "reason": None, "attempts": [{"state": "working"}]}
    assert status_of_order(document, going_on=False, cancelling=True) == UNKNOWN


def test_a_cancelled_order_is_what_a_cancel_wished_for() -> None:
    """Whoever submits it again wanted something else."""
    document = {**HALF, "state": "rejected", "reason": "cancelled"}
    assert status_of_order(document, going_on=False, cancelling=True) == OK
    assert status_of_order(document, going_on=False) == FAILED


@pytest.mark.parametrize(
    ("state", "reason", "going_on", "status"),
    [
        ("done", "filled", False, OK),
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
    """What nobody knows is not told as a failure: a script that buys again on status 1 would buy twice. Nor is what
    executed in full, whatever it had ended as before."""
    document = {"filled": "0", "quantity": "1", "state": state, "reason": reason}
    assert status_of_order(document, going_on=going_on) == status
    full = {**document, "filled": "1"}
    assert status_of_order(full, going_on=going_on) == (OK if status in (FAILED, REFUSED) else status)


def test_a_router_that_cannot_be_connected_to_has_done_nothing() -> None:
    """Whatever was asked: the connection was refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for method in ("GET", "POST"):
        with pytest.raises(RouterUnreachable):
            ask(Endpoint(port, "token", 1), method, "/v1/orders")


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"],
    ids=["none", "nonsense", "cut"],
)
def test_a_router_that_dies_over_an_order_may_have_done_it(answer: bytes) -> None:
    """The request was taken and the answer is missing, cut or nonsense: the order's fate is unknown. A question can be
    asked again."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def breaks() -> None:
            for _ in range(2):
                connection, _address = server.accept()
                connection.recv(65_536)
                connection.sendall(answer)
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
