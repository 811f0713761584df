"""The HTTP port: loopback only, one token, JSON in and out. It translates; what is asked is done by the desk.

Every request names its token (``Authorization: Bearer``) and reaches us under a loopback name: a page in a browser can
send neither.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from importlib.metadata import version

from aiohttp import web

from backend.domain.errors import (
    IdempotencyConflict,
    InvalidOrder,
    JournalError,
    NothingToResolve,
    OrderFateUnknown,
    QuantumTraderError,
    RouterBusy,
    RouterClosed,
    RouterHalted,
    UnknownOrder,
)
from backend.domain.records import ExecutionResult, IntentRecord
from backend.services.control.desk import Desk
from backend.services.control.documents import (
    event_document,
    intent_of,
    result_document,
    summary,
)

HOST = "127.0.0.1"
BODY_MAX = 64 * 1024
PAGE = 100
DIGITS_MAX = 40
"""Of a number in a body: more is no amount and no time, and costs more than it says."""
STOP_S = 0.5
"""So long a stop waits for answers that are being made, and as long again for them to end. It comes after the router's:
who waits for an order has been told."""
CODES: tuple[tuple[type[QuantumTraderError], int], ...] = (
    (InvalidOrder, 400),
    (UnknownOrder, 404),
    (IdempotencyConflict, 409),
    (NothingToResolve, 409),
    (RouterBusy, 429),
    (RouterClosed, 503),
    (RouterHalted, 503),
    (OrderFateUnknown, 500),
    (JournalError, 503),
)
"""The first that fits; anything else of ours is the caller's fault."""

LOG = logging.getLogger("quantum_trader.api")
FLAGS = {"1": True, "true": True, "0": False, "false": False}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
DESK = web.AppKey("desk", Desk)
TOKEN = web.AppKey("token", str)


class Api:
    """Serves a desk from ``start`` to ``stop``."""

    def __init__(self, desk: Desk, token: str) -> None:
        app = web.Application(client_max_size=BODY_MAX, middlewares=[_errors, _guard])
        app[DESK], app[TOKEN] = desk, token
        app.add_routes(
            [
                web.get("/v1/status", _status),
                web.get("/v1/orders", _orders),
                web.post("/v1/orders", _submit),
                web.get("/v1/orders/{id}", _order),
                web.post("/v1/orders/{id}/cancel", _cancel),
                web.post("/v1/orders/{id}/resolve", _resolve),
                web.get("/v1/events", _events),
                web.get("/v1/venues", _venues),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=STOP_S)
        self.port = 0

    async def start(self, port: int = 0) -> int:
        """Listens on loopback; 0 takes a free port. Returns the port. Raises OSError for one that is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self.port

    async def stop(self) -> None:
        """A second call does nothing."""
        await self._runner.cleanup()


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except QuantumTraderError as error:
        status = next((code for kind, code in CODES if isinstance(error, kind)), 400)
        told: dict[str, object] = {"code": type(error).__name__, "message": str(error)}
        if isinstance(error, InvalidOrder):
            told["field"] = error.field
        if isinstance(error, IdempotencyConflict):
            told["fields"] = list(error.fields)
        return web.json_response({"error": told}, status=status)
    except web.HTTPException as error:
        told = {"code": error.reason, "message": error.text or error.reason}
        return web.json_response({"error": told}, status=error.status)
    except Exception as error:
        # The port's edge: whoever asked is told in the form that was promised, and whoever runs it finds the place.
        LOG.exception("A request met a fault of the program: %s %s", request.method, request.path)
        told = {
            "code": "Internal",
            "message": f"{type(error).__name__}: this is a fault of the program, please report it",
        }
        return web.json_response({"error": told}, status=500)


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.host.rpartition(":")[0] not in (HOST, "localhost"):
        raise web.HTTPForbidden(text="this port is reached as 127.0.0.1 or localhost only")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(errors="surrogatepass"), request.app[TOKEN].encode()):
        raise web.HTTPUnauthorized(text="the token of the endpoint file is needed: Authorization: Bearer TOKEN")
    return await handler(request)


async def _status(request: web.Request) -> web.Response:
    told = request.app[DESK].status()
    return web.json_response({"version": version("quantum-trader"), **told}, status=503 if told["failed"] else 200)


async def _orders(request: web.Request) -> web.Response:
    open_only = _flag(request, "open")
    limit = _number(request, "limit", PAGE, least=1)
    records = await request.app[DESK].orders(limit, open_only=open_only, before=request.query.get("before"))
    return web.json_response([summary(record) for record in records])


async def _order(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    return web.json_response(desk.document(await desk.order(request.match_info["id"])))


async def _submit(request: web.Request) -> web.Response:
    intent = intent_of(await _body(request))
    desk = request.app[DESK]
    return _answered(desk, await desk.submit(intent, _number(request, "wait", 0)))


async def _cancel(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    return _answered(desk, await desk.cancel(request.match_info["id"], _number(request, "wait", 0)))


async def _resolve(request: web.Request) -> web.Response:
    body = await _body(request)
    if not isinstance(body, dict):
        raise InvalidOrder("filled", "an object with filled (a text, 0 for dead) and reason is needed")
    try:
        filled = Decimal(str(body.get("filled")))
    except InvalidOperation:
        raise InvalidOrder("filled", f"{body.get('filled')!r} is not an amount") from None
    record = await request.app[DESK].resolve(request.match_info["id"], filled, str(body.get("reason") or ""))
    return web.json_response(request.app[DESK].document(record))


async def _events(request: web.Request) -> web.Response:
    events = await request.app[DESK].events(_number(request, "after", 0), _number(request, "limit", PAGE, least=1))
    return web.json_response([event_document(event) for event in events])


async def _venues(request: web.Request) -> web.Response:
    return web.json_response(await request.app[DESK].venue_documents())


def _answered(desk: Desk, outcome: ExecutionResult | IntentRecord) -> web.Response:
    """200 with a result; 202 with the order as it stands when there is none yet."""
    if isinstance(outcome, ExecutionResult):
        return web.json_response(result_document(outcome))
    return web.json_response(desk.document(outcome), status=202)


async def _body(request: web.Request) -> object:
    try:
        return json.loads(await request.text(), parse_int=_whole, object_pairs_hook=_each_once)
    except InvalidOrder:
        raise
    except (ValueError, LookupError, RecursionError):
        raise InvalidOrder("body", "is not JSON in UTF-8") from None


def _whole(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise InvalidOrder("body", f"has a number of {len(text)} digits; {DIGITS_MAX} are the most")
    return int(text)


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Of a name that is said twice nobody knows which one was meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise InvalidOrder("body", f"says {twice!r} twice")
    return found


def _flag(request: web.Request, name: str) -> bool:
    text = request.query.get(name, "0")
    if text not in FLAGS:
        raise InvalidOrder(name, f"{text!r} is none of {', '.join(FLAGS)}")
    return FLAGS[text]


def _number(request: web.Request, name: str, default: int, *, least: int = 0) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidOrder(name, f"{text!r} is not a whole number")
    if int(text) < least:
        raise InvalidOrder(name, f"{text} is less than {least}")
    return int(text)
