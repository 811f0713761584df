"""The control API."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from backend.emulator.control import BODY_MAX
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.host import Emulator
from tests.emulator.test_server import place
from tests.emulator.web import started


async def ask(emulator: Emulator, method: str, path: str, **more: Any) -> tuple[int, Any]:
    """Status and decoded body."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{emulator.control_address}/control/{path}".rstrip("/"), **more) as response,
    ):
        return response.status, await response.json()


async def test_faults_are_put_up_listed_and_taken_down() -> None:
    """A fault that is posted works at once, is listed with its id, and goes when it is deleted."""
    async with started(control=True) as emulator, aiohttp.ClientSession() as session:
        fault = {"kind": "status", "endpoints": ["PLACE"], "params": {"name": "html_500"}}
        status, made = await ask(emulator, "POST", "firi/faults", json=fault)
        assert status == 201
        assert await place(emulator, session) == 500
        _, listed = await ask(emulator, "GET", "firi/faults")
        assert [(row["id"], row["active"], row["kind"]) for row in listed["faults"]] == [(made["id"], True, "status")]
        assert await ask(emulator, "DELETE", f"firi/faults/{made['id']}") == (200, {})
        assert await place(emulator, session) == 201
        assert (await ask(emulator, "DELETE", f"firi/faults/{made['id']}"))[0] == 404
        emulator.inject("firi", Fault(FaultKind.RESET))
        await ask(emulator, "DELETE", "firi/faults")
        assert emulator.faults("firi") == {}


async def test_the_ledger_and_the_venues_are_shown() -> None:
    """Orders and trades come with amounts as texts."""
    async with started(control=True) as emulator, aiohttp.ClientSession() as session:
        await place(emulator, session)
        _, ledger = await ask(emulator, "GET", "firi/ledger")
        assert [(o["status"], o["filled"], o["side"]) for o in ledger["orders"]] == [("filled", "0.5", "buy")]
        assert [(t["price"], t["quantity"], t["fee"]) for t in ledger["trades"]] == [("100", "0.5", "0.25")]
        _, venues = await ask(emulator, "GET", "venues")
        assert {row["venue"]: row["address"] for row in venues["venues"]} == emulator.addresses
        assert venues["venues"][0]["bounds"] == {"engine_s": 2.0, "visibility_s": 2.0}


async def test_balances_can_be_set() -> None:
    """What is posted is what an order may use."""
    async with started(control=True) as emulator, aiohttp.ClientSession() as session:
        status, balances = await ask(emulator, "POST", "firi/balances", json={"NOK": "10.5"})
        assert (status, balances["NOK"]) == (200, {"free": "10.5", "held": "0"})
        assert await place(emulator, session) == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", "nowhere/faults", None, 404, "no venue nowhere"),
        ("POST", "firi/faults", b"{", 400, "the body is not JSON"),
        ("POST", "firi/faults", b"[]", 400, "an object is expected"),
        ("POST", "firi/faults", b'{"kind": "flood"}', 400, "kind must be one of"),
        ("POST", "firi/faults", b'{"kind": "status", "params": {"name": "x"}}', 400, "name must be one of"),
        ("POST", "scenario", b'{"phases": [{"venue": "firi"}]}', 400, "phase 1: kind must be one of"),
        ("POST", "scenario", b'{"phases": [{"venue": "x", "kind": "reset"}]}', 400, "phase 1: no such emulated venue"),
        ("POST", "scenario", b'{"phases": [{"venue": "firi", "kind": "mode"}]}', 400, "phase 1: firi has no modes"),
        ("GET", "firi/nothing", None, 404, "no route /control/firi/nothing"),
        ("PUT", "firi/faults", None, 405, "/control/firi/faults knows DELETE, GET, HEAD, POST, not PUT"),
        ("POST", "firi/balances", b"[]", 400, "an object of assets"),
        ("POST", "firi/balances", b'{"NOK": 1.5}', 400, "NOK: an amount is a decimal number as text"),
    ],
)
async def test_bad_input_is_explained(method: str, path: str, body: bytes | None, status: int, text: str) -> None:
    """A wrong request is a 4xx with a sentence that says what is wrong."""
    async with started(control=True) as emulator:
        got, answer = await ask(emulator, method, path, data=body)
        assert got == status
        assert text in answer["error"]


async def test_a_body_is_bounded() -> None:
    """A large body is refused."""
    async with (
        started(control=True) as emulator,
        aiohttp.ClientSession() as session,
        session.post(f"{emulator.control_address}/control/firi/faults", data=b"x" * (BODY_MAX + 1)) as response,
    ):
        assert response.status == 413
        assert "at most" in (await response.json())["error"]


async def test_a_scenario_can_be_posted() -> None:
    """The phases of a scenario file, sent to the API, begin as if they had been there at the start."""
    async with started(control=True) as emulator:
        phases = [
            {"venue": "kraken", "kind": "storm", "params": {"ban_after": 0}},
            {"venue": "firi", "kind": "reset", "at": 60},
        ]
        status, made = await ask(emulator, "POST", "scenario", json={"phases": phases})
        assert status == 201
        assert {key: (fault.kind, active) for key, (fault, active) in emulator.faults("firi").items()} == {
            made["ids"][1]: (FaultKind.RESET, False)
        }
        async with aiohttp.ClientSession() as session:
            await session.post(emulator.addresses["kraken"] + "/0/private/Balance")
        _, listed = await ask(emulator, "GET", "kraken/faults")
        assert 890 < listed["banned_s"] <= 900


async def test_what_a_venue_is_can_be_asked() -> None:
    """Markets, modes and the names of errors, for whoever writes a fault; the clock; and the routes themselves."""
    async with started(control=True) as emulator:
        _, told = await ask(emulator, "GET", "binance")
        assert told["modes"] == ["cancel_only", "maintenance"]
        assert told["errors"]["-1007"] == {"status": 504, "definite": False}
        assert (told["limited"], told["banned"]) == ("-1003", "-1003:banned")
        assert told["markets"][0]["price_step"] == "0.01"
        _, clock = await ask(emulator, "GET", "time")
        assert abs(clock["now"] - emulator.time()) < 60
        _, index = await ask(emulator, "GET", "")
        assert "POST /control/{venue}/faults" in index["routes"]
