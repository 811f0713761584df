"""The control API: faults, balances and the ledger over HTTP, on a loopback port of its own. For people and the lab.

GET    /control                          the routes
GET    /control/time                     epoch seconds of the emulated clock
GET    /control/venues                   names, addresses and promises about time
POST   /control/scenario                 starts the phases of a scenario, or none of them
GET    /control/{venue}                  markets, modes, errors by name, words for limits
GET    /control/{venue}/faults           POST the same with a fault, DELETE the same or /control/{venue}/faults/{id}
GET    /control/{venue}/ledger           what really happened
GET    /control/{venue}/balances         POST the same with {"ASSET": "1.5"}

JSON; amounts are texts. What is wrong with a request stands in {"error": "..."}.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from backend.emulator.accounts import Balance
from backend.emulator.dialect import VenueKind
from backend.emulator.faults import Fault, FaultError
from backend.emulator.ledger import Ledger
from backend.emulator.market import EmulatedBounds, number, plain
from backend.emulator.scenario import Phase, fault_from_json, fault_to_json, scenario_from_json

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
    def banned_s(self, venue: str) -> float: ...
    def describe(self, venue: str) -> VenueKind: ...
    def play(self, phases: Sequence[Phase]) -> list[str]: ...
    def time(self) -> float: ...


class _NoVenue(Exception):
    """The path names a venue that is not there."""


class ControlServer:
    """The API on its port."""

    def __init__(self, controlled: Controlled) -> None:
        self._controlled = controlled
        self._runner: web.AppRunner | None = None
        self.address: str | None = None

    async def start(self, port: int) -> None:
        """Listen on loopback; port 0 takes any free one."""
        app = web.Application(client_max_size=BODY_MAX, middlewares=[_explain])
        app.add_routes([web.route(method, path, handler) for method, path, handler in self._routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_PATIENCE_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()
        self.address = f"http://{HOST}:{self._runner.addresses[0][1]}"

    def _routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/control", self._index),
            ("GET", "/control/time", self._time),
            ("GET", "/control/venues", self._venues),
            ("POST", "/control/scenario", self._scenario),
            ("GET", "/control/{venue}", self._describe),
            ("GET", "/control/{venue}/faults", self._faults),
            ("POST", "/control/{venue}/faults", self._inject),
            ("DELETE", "/control/{venue}/faults", self._clear),
            ("DELETE", "/control/{venue}/faults/{id}", self._clear),
            ("GET", "/control/{venue}/ledger", self._ledger),
            ("GET", "/control/{venue}/balances", self._balances),
            ("POST", "/control/{venue}/balances", self._set_balances),
        ]

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _index(self, request: web.Request) -> web.Response:  # noqa: ARG002 - asks for nothing
        return web.json_response({"routes": [f"{method} {path}" for method, path, _ in self._routes()]})

    async def _time(self, request: web.Request) -> web.Response:  # noqa: ARG002 - asks for nothing
        return web.json_response({"now": self._controlled.time()})

    async def _scenario(self, request: web.Request) -> web.Response:
        ids = self._controlled.play(scenario_from_json(await _json(request)))
        return web.json_response({"ids": ids}, status=201)

    async def _describe(self, request: web.Request) -> web.Response:
        kind = self._controlled.describe(self._venue(request))
        throttle = kind.throttle
        return web.json_response(
            {
                "venue": kind.name,
                "address": self._controlled.addresses[kind.name],
                "bounds": dataclasses.asdict(kind.bounds),
                "markets": [_row(dataclasses.asdict(market)) for market in kind.markets],
                "fees": _row(dataclasses.asdict(kind.fees)),
                "modes": sorted(mode.value for mode in kind.modes),
                "limited": throttle and throttle.limited,
                "banned": throttle and throttle.banned,
                "errors": {name: {"status": e.status, "definite": e.definite} for name, e in kind.errors.items()},
            }
        )

    async def _venues(self, request: web.Request) -> web.Response:  # noqa: ARG002 - asks for nothing
        addresses = self._controlled.addresses
        rows = [
            {"venue": venue, "address": addresses[venue], "bounds": dataclasses.asdict(self._controlled.bounds(venue))}
            for venue in self._controlled.venues
        ]
        return web.json_response({"venues": rows})

    async def _faults(self, request: web.Request) -> web.Response:
        venue = self._venue(request)
        faults = self._controlled.faults(venue)
        rows = [{"id": key, "active": active, **fault_to_json(fault)} for key, (fault, active) in faults.items()]
        return web.json_response({"faults": rows, "banned_s": self._controlled.banned_s(venue)})

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
            raise _NoVenue(f"no venue {venue}; there are: {', '.join(self._controlled.venues)}")
        return venue


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what is wrong with a request into an answer that says so, in JSON like all the others."""
    try:
        response: web.StreamResponse = await handler(request)
    except ValueError as error:
        return _error(400, str(error))
    except _NoVenue as error:
        return _error(404, str(error))
    except web.HTTPNotFound:
        return _error(404, f"no route {request.path}; GET /control lists them")
    except web.HTTPMethodNotAllowed as error:
        return _error(405, f"{request.path} knows {', '.join(sorted(error.allowed_methods))}, not {request.method}")
    except web.HTTPRequestEntityTooLarge:
        return _error(413, f"a body has at most {BODY_MAX} bytes")
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
