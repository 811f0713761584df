"""The loopback port: what it answers, and whom it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from backend import bootstrap
from backend.api import endpoint as endpoints
from backend.api.endpoint import Endpoint
from backend.api.server import PAGE
from backend.domain.errors import ConfigurationError
from backend.emulator.faults import Fault, FaultKind
from backend.services.control.desk import Desk
from tests.e2e.conftest import PLACE, World

ORDER = {"id": "one", "symbol": "BTC/USD", "side": "buy", "quantity": "0.01"}


@dataclass
class Port:
    """A router's port with a client that has its token."""

    world: World
    endpoint: Endpoint
    session: ClientSession

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        given = {"Authorization": f"Bearer {self.endpoint.token}", **headers}
        async with self.session.request(method, self.endpoint.url + path, json=body, headers=given) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def port(world: World) -> AsyncIterator[Port]:
    async with bootstrap.serving(world.runtime) as endpoint, ClientSession() as session:
        yield Port(world, endpoint, session)


async def test_an_order_goes_in_and_is_shown(port: Port) -> None:
    """Submitted, repeated with the same result, listed, shown with its attempt and its proof, and in the events."""
    status, result = await port.ask("POST", "/v1/orders?wait=20", ORDER)
    assert (status, result["state"], result["filled"]) == (200, "done", "0.01")
    assert (await port.ask("POST", "/v1/orders?wait=20", ORDER))[1]["filled"] == "0.01"
    assert port.world.orders() == 1
    status, listed = await port.ask("GET", "/v1/orders")
    assert (status, [one["id"] for one in listed]) == (200, ["one"])
    status, shown = await port.ask("GET", "/v1/orders/one")
    assert [attempt["proof"] for attempt in shown["attempts"]] == ["terminal_state"]
    kinds = [event["kind"] for event in (await port.ask("GET", "/v1/events"))[1]]
    assert kinds[0] == "intent_accepted"
    assert len((await port.ask("GET", "/v1/events?after=1&limit=1"))[1]) == 1
    status, told = await port.ask("GET", "/v1/status")
    assert (status, told["orders_in_flight"], told["halted"]) == (200, 0, None)
    assert told["version"]
    status, told = await port.ask("POST", "/v1/orders/one/resolve", {"filled": "0", "reason": "seen"})
    assert (status, told["error"]["code"]) == (409, "NothingToResolve")


async def test_without_waiting_the_order_is_stored_and_told(port: Port) -> None:
    """202 means stored: the order is the router's from then on, and its result can be asked for."""
    port.world.emulator.inject("binance", Fault(FaultKind.LATENCY, PLACE, params={"seconds": 2.0}))
    status, told = await port.ask("POST", "/v1/orders", ORDER)
    assert (status, told["id"]) == (202, "one")
    assert await port.world.runtime.journal.get("one") is not None
    status, result = await port.ask("POST", "/v1/orders?wait=20", ORDER)
    assert (status, result["state"]) == (200, "done")


async def test_a_resting_order_is_cancelled(port: Port) -> None:
    """Cancelled through the port; what is cancelled stays so."""
    resting = {
        **ORDER,
        "order_type": "limit",
        "limit_price": "1000",
        "time_in_force": "gtc",
        "valid_until": port.world.runtime.clock.now() + 500,
    }
    status, told = await port.ask("POST", "/v1/orders?wait=1", resting)
    assert (status, told["state"]) == (202, "active")
    status, told = await port.ask("POST", "/v1/orders/one/cancel?wait=20")
    assert (status, told["reason"], told["filled"]) == (200, "cancelled", "0")


async def test_a_parked_order_is_resolved_while_the_router_runs(port: Port) -> None:
    """An operator's word through the port: kept, and nothing goes to its market while the order is still looked for by
    its words; other exchanges take the next one."""
    port.world.emulator.inject("firi", Fault(FaultKind.RESET, PLACE, count=1, params={"when": "before"}))
    order = {**ORDER, "exchange": "firi"}
    assert (await port.ask("POST", "/v1/orders?wait=30", order))[1]["state"] == "parked"
    assert [one["id"] for one in (await port.ask("GET", "/v1/orders?open=1"))[1]] == ["one"]
    status, told = await port.ask("POST", "/v1/orders/one/resolve", {"filled": "NaN", "reason": "seen"})
    assert (status, told["error"]["field"]) == (400, "filled")
    status, told = await port.ask("POST", "/v1/orders/one/resolve", {"filled": "0", "reason": "not in its history"})
    assert (status, told["attempts"][0]["proof"]) == (200, "operator")
    status, other = await port.ask("POST", "/v1/orders?wait=20", {**order, "id": "two"})
    assert (status, other["venues"]) == (200, ["binance"])


async def test_venues_are_told_with_what_stands_against_them(port: Port) -> None:
    """Health asked now, keys, chain."""
    port.world.emulator.inject("okx", Fault(FaultKind.REFUSE))
    status, venues = await port.ask("GET", "/v1/venues")
    told = {venue["venue"]: venue for venue in venues}
    assert status == 200
    assert (told["binance"]["status"], told["okx"]["status"]) == ("ok", "down")
    assert told["kraken"]["keys"] is True
    assert told["binance"]["chain"][0] == "binance"
    assert abs(told["binance"]["clock"]["ahead_ms"]) <= told["binance"]["clock"]["error_ms"]
    assert 0 < told["kraken"]["clock"]["error_ms"] <= 1_000


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/orders", {**ORDER, "quantity": 0.01}, 400, "InvalidOrder"),
        ("POST", "/v1/orders", {**ORDER, "quantity": "-1"}, 400, "InvalidOrder"),
        ("POST", "/v1/orders", {**ORDER, "wish": "1"}, 400, "InvalidOrder"),
        ("POST", "/v1/orders", {"id": "one"}, 400, "InvalidOrder"),
        ("POST", "/v1/orders", [1], 400, "InvalidOrder"),
        ("POST", "/v1/orders", {**ORDER, "exchange": "mars"}, 400, "UnknownExchange"),
        ("POST", "/v1/orders?wait=x", ORDER, 400, "InvalidOrder"),
        ("GET", "/v1/orders/nobody", None, 404, "UnknownOrder"),
        ("GET", "/v1/orders?before=nobody", None, 404, "UnknownOrder"),
        ("POST", "/v1/orders/nobody/cancel", None, 404, "UnknownOrder"),
        ("POST", "/v1/orders/nobody/resolve", {"filled": "x"}, 400, "InvalidOrder"),
        ("POST", "/v1/orders/nobody/resolve", {"filled": "0", "reason": "seen"}, 404, "UnknownOrder"),
        ("GET", "/v1/nothing", None, 404, "Not Found"),
        ("GET", "/v1/orders?open=yes", None, 400, "InvalidOrder"),
        ("GET", "/v1/orders?limit=0", None, 400, "InvalidOrder"),
        ("POST", "/v1/status", None, 405, "Method Not Allowed"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_reason(
    port: Port, method: str, path: str, body: object, status: int, code: str
) -> None:
    """A status, a code for programs and a sentence for people; nothing is stored or sent."""
    found, told = await port.ask(method, path, body)
    assert (found, told["error"]["code"]) == (status, code)
    assert told["error"]["message"]
    assert port.world.orders() == 0


async def test_another_order_under_the_same_id_is_a_conflict(port: Port) -> None:
    """The id is the key: never a second order."""
    await port.ask("POST", "/v1/orders?wait=20", ORDER)
    status, told = await port.ask("POST", "/v1/orders?wait=20", {**ORDER, "quantity": "0.02"})
    assert (status, told["error"]["code"]) == (409, "IdempotencyConflict")
    assert port.world.orders() == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Host": "attacker.example:80"}, 403),
        ({"Host": "attacker.example"}, 403),
    ],
)
async def test_without_token_or_by_another_name_nobody_is_let_in(
    port: Port, headers: dict[str, str], status: int
) -> None:
    """A page in somebody's browser has neither; it learns nothing and does nothing."""
    found, _ = await port.ask("POST", "/v1/orders", ORDER, **headers)
    assert found == status
    assert await port.world.runtime.journal.recent() == ()


async def test_a_body_that_is_too_large_or_no_json_is_refused(port: Port) -> None:
    """Bounded before it is read."""
    status, _ = await port.ask("POST", "/v1/orders", {**ORDER, "symbol": "X" * 200_000})
    assert status == 413
    headers = {"Authorization": f"Bearer {port.endpoint.token}"}
    order = json.dumps(ORDER)[:-1]
    for data, named in (
        ("{", "not JSON"),
        ("[" * 30_000, "not JSON"),
        (f'{order}, "valid_for_s": 1{"0" * 400}}}', "401 digits"),
        (f'{order}, "quantity": "0.02"}}', "says 'quantity' twice"),
    ):
        async with port.session.post(f"{port.endpoint.url}/v1/orders", data=data, headers=headers) as answer:
            assert (answer.status, named in (await answer.json())["error"]["message"]) == (400, True)
    strange = {**headers, "Content-Type": "application/json; charset=bogus"}
    async with port.session.post(f"{port.endpoint.url}/v1/orders", data=order, headers=strange) as answer:
        assert answer.status == 400
    assert port.world.orders() == 0


async def test_orders_come_in_pages(port: Port) -> None:
    """The newest first; ``before`` goes on where a page ended."""
    for number in range(3):
        await port.ask("POST", "/v1/orders?wait=20", {**ORDER, "id": f"o{number}"})
    first = (await port.ask("GET", "/v1/orders?limit=2"))[1]
    rest = (await port.ask("GET", f"/v1/orders?limit={PAGE}&before={first[-1]['id']}"))[1]
    assert [one["id"] for one in (*first, *rest)] == ["o2", "o1", "o0"]


async def test_the_endpoint_file_is_for_its_user_only_and_goes_with_the_router(port: Port) -> None:
    """Mode 600, the token not in any text of the object; another journal has none; after the end it is gone."""
    path = endpoints.file_of(port.world.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert endpoints.read(port.world.path) == port.endpoint
    assert port.endpoint.token not in repr(port.endpoint)
    assert endpoints.read(port.world.path.with_name("other")) is None


async def test_a_token_of_strange_bytes_is_just_wrong(port: Port) -> None:
    """Whatever is sent as a token: 401, in the promised form."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port.endpoint.port)
    writer.write(b"GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1:1\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
    answer = await reader.readuntil(b"}}")
    writer.close()
    assert answer.startswith(b"HTTP/1.1 401")


async def test_a_fault_of_the_program_is_told_in_the_promised_form(
    port: Port, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500 with a code, and no word of what is inside; the log has it, for whoever shall report it."""

    def broken(_desk: Desk) -> None:
        raise ValueError("an inner word")

    monkeypatch.setattr(Desk, "status", broken)
    status, told = await port.ask("GET", "/v1/status")
    assert (status, told["error"]["code"]) == (500, "Internal")
    assert "an inner word" not in json.dumps(told)
    assert "GET /v1/status" in caplog.text
    assert "an inner word" in caplog.text


def test_a_file_whose_process_number_is_anothers_by_now_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The router was killed, and its number lives on in another process: nobody listens, so there is no router."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        unused = int(free.getsockname()[1])
    journal = tmp_path / "journal.sqlite"
    monkeypatch.setenv("QUANTUM_TRADER_JOURNAL_PATH", str(journal))
    endpoints.write(journal, Endpoint(unused, "t", os.getpid()))
    assert endpoints.read(journal) is not None
    assert bootstrap.running_router() is None


def test_the_file_of_a_router_that_died_counts_as_none(tmp_path: Path) -> None:
    """A process that is gone answers nothing; a file that is no endpoint is told, not ignored."""
    journal = tmp_path / "journal.sqlite"
    endpoints.write(journal, Endpoint(1, "t", 2**22 + 1))
    assert endpoints.read(journal) is None
    endpoints.file_of(journal).write_text(json.dumps({"port": 1}))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        endpoints.read(journal)
    endpoints.file_of(journal).write_text(json.dumps({"port": 1, "token": "t", "pid": 10**30}))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        endpoints.read(journal)
    endpoints.remove(journal)
    endpoints.remove(journal)
    assert not endpoints.file_of(journal).exists()
