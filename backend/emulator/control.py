"""The control API: faults, balances and the ledger over HTTP, on a loopback port of its own. For people and the lab.

GET    /control/venues
GET    /control/{venue}/faults           POST the same with a fault, DELETE the same or /control/{venue}/faults/{id}
GET    /control/{venue}/ledger
GET    /control/{venue}/balances         POST the same with {"ASSET": "1.5"}

JSON; amounts are texts. What is wrong with a request stands in {"error": "..."}.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from backend.emulator.accounts import Balance
from backend.emulator.faults import Fault, FaultError
from backend.emulator.ledger import Ledger
from backend.emulator.market import EmulatedBounds, number, plain
from backend.emulator.scenario import fault_from_json, fault_to_json

HOST = "127.0.0.1"
BODY_MAX = 65_536
ROWS_MAX = 10_000
STOP_PATIENCE_S = 0.01


class Controlled(Protocol):
    """What the API controls."""

    @property
    def venues(self) -> tuple[str, ...]: ...
    @property
    def addresses(self) -> Mapping[str, str]: ...
    def inject(self, venue: str, fault: Fault) -> str: ...
    def clear(self, venue: str, fault_id: str | None = None) -> None: ...
    def faults(self, venue: str) -> Mapping[str, tuple[Fault, bool]]: ...
    def ledger(self, venue: str) -> Ledger: ...
    def balances(self, venue: str) -> Mapping[str, Balance]: ...
    def set_balances(self, venue: str, free: Mapping[str, Decimal]) -> None: ...
    def bounds(self, venue: str) -> EmulatedBounds: ...


class ControlServer:
    """The API on its port."""

    def __init__(self, controlled: Controlled) -> None:
        self._controlled = controlled
        self._runner: web.AppRunner | None = None
        self.address: str | None = None

    async def start(self, port: int) -> None:
        """Listen on loopback; port 0 takes any free one."""
        app = web.Application(client_max_size=BODY_MAX, middlewares=[_explain])
        app.add_routes(
            [
                web.get("/control/venues", self._venues),
                web.get("/control/{venue}/faults", self._faults),
                web.post("/control/{venue}/faults", self._inject),
                web.delete("/control/{venue}/faults", self._clear),
                web.delete("/control/{venue}/faults/{id}", self._clear),
                web.get("/control/{venue}/ledger", self._ledger),
                web.get("/control/{venue}/balances", self._balances),
                web.post("/control/{venue}/balances", self._set_balances),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_PATIENCE_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()
        self.address = f"http://{HOST}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _venues(self, request: web.Request) -> web.Response:  # noqa: ARG002 - asks for nothing
        addresses = self._controlled.addresses
        rows = [
            {"venue": venue, "address": addresses[venue], "bounds": dataclasses.asdict(self._controlled.bounds(venue))}
            for venue in self._controlled.venues
        ]
        return web.json_response({"venues": rows})

    async def _faults(self, request: web.Request) -> web.Response:
        faults = self._controlled.faults(self._venue(request))
        rows = [{"id": key, "active": active, **fault_to_json(fault)} for key, (fault, active) in faults.items()]
        return web.json_response({"faults": rows})

    async def _inject(self, request: web.Request) -> web.Response:
        venue = self._venue(request)
        fault_id = self._controlled.inject(venue, fault_from_json(await _json(request)))
        return web.json_response({"id": fault_id}, status=201)

    async def _clear(self, request: web.Request) -> web.Response:
        venue, fault_id = self._venue(request), request.match_info.get("id")
        if fault_id is not None and fault_id not in self._controlled.faults(venue):
            return _error(404, f"no fault {fault_id} at {venue}")
        self._controlled.clear(venue, fault_id)
        return web.json_response({})

    async def _ledger(self, request: web.Request) -> web.Response:
        """The newest ROWS_MAX orders and trades, oldest first."""
        ledger = self._controlled.ledger(self._venue(request))
        orders = [_row(dataclasses.asdict(order)) for order in ledger.orders[-ROWS_MAX:]]
        trades = [_row(dataclasses.asdict(trade)) for trade in ledger.trades[-ROWS_MAX:]]
        return web.json_response({"orders": orders, "trades": trades})

    async def _balances(self, request: web.Request) -> web.Response:
        balances = self._controlled.balances(self._venue(request))
        return web.json_response({asset: _row(dataclasses.asdict(balance)) for asset, balance in balances.items()})

    async def _set_balances(self, request: web.Request) -> web.Response:
        venue, body = self._venue(request), await _json(request)
        if not isinstance(body, dict):
            raise FaultError("an object of assets and amounts is expected")
        amounts: dict[str, Decimal] = {}
        for asset, text in body.items():
            amount = number(text)
            if amount is None or not asset.isalnum():
                raise FaultError(f'{asset}: an amount is a decimal number as text, as in {{"BTC": "1.5"}}')
            amounts[asset] = amount
        self._controlled.set_balances(venue, amounts)
        return await self._balances(request)

    def _venue(self, request: web.Request) -> str:
        venue = request.match_info["venue"]
        if venue not in self._controlled.venues:
            text = json.dumps({"error": f"no venue {venue}; there are: {', '.join(self._controlled.venues)}"})
            raise web.HTTPNotFound(text=text, content_type="application/json")
        return venue


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what is wrong with a request into a 400 that says so."""
    try:
        response: web.StreamResponse = await handler(request)
    except ValueError as error:
        return _error(400, str(error))
    return response


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


async def _json(request: web.Request) -> object:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise FaultError("the body is not JSON") from error


def _row(values: Mapping[str, object]) -> dict[str, object]:
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}
