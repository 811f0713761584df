"""ccxt on our ports: it names the endpoints and signs; the transport sends and the clock tells the time.

Nothing else of ccxt's request path runs. Its throttle is one queue for orders and polls, its retries send an order
twice, its session follows redirects, and its exceptions hide whether a byte left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

from ccxt.base.errors import ExchangeNotAvailable, RequestTimeout

from backend.integrations.exchanges.shared.http_fact import HttpFact
from backend.ports.clock import Clock
from backend.ports.transport import HttpRequest, Transport, TransportError, TransportFault

DEFAULT_TIMEOUT_S = 10.0
NOTHING_AUTOMATIC: Mapping[str, object] = {
    "enableRateLimit": False,
    "options": {"maxRetriesOnFailure": 0},
    "verbose": False,
    "userAgent": "quantum-trader",
}


_DESCRIBED: dict[type, Any] = {}
_NAMED: dict[type, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Call:
    """One endpoint in ccxt's words (``api`` section, method, path) with its parameters, every amount a string."""

    api: str
    method: str
    path: str
    params: Mapping[str, object] = field(default_factory=dict)
    private: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class PortedExchange:
    """Mixin, to stand before a ccxt async exchange class."""

    def __init__(self, transport: Transport, clock: Clock, config: Mapping[str, object]) -> None:
        self._transport = transport
        self._clock = clock
        self._constructed = False
        super().__init__({**NOTHING_AUTOMATIC, **config})  # type: ignore[call-arg]
        self._constructed = True
        if type(self) not in _NAMED:  # not before every second name stands at the class
            _NAMED[type(self)] = tuple(name for name in dir(self) if self._to_be_named(name))

    def __dir__(self) -> Iterable[str]:
        """ccxt's constructor goes through these and makes a second name in camel case of each: for methods at the
        class, which is done once the first object of it is there. For the later ones only values are left to name."""
        known = None if self._constructed else _NAMED.get(type(self))
        return super().__dir__() if known is None else [name for name in known if hasattr(self, name)]

    def _to_be_named(self, name: str) -> bool:
        return "_" in name.strip("_") and not isinstance(getattr(self, name), MethodType)

    def describe(self) -> Any:
        """ccxt's own constant of the class, built once: it is merged from thousands of entries, and ccxt copies it."""
        kind = type(self)
        if kind not in _DESCRIBED:
            parent: Any = super()
            _DESCRIBED[kind] = parent.describe()
        return _DESCRIBED[kind]

    def request_of(self, call: Call, timeout_s: float) -> HttpRequest:
        """The signed request. Raises whatever ccxt or a crypto library raises for unusable keys; nothing is sent."""
        exchange: Any = self
        signed = exchange.sign(call.path, [call.api], call.method, dict(call.params))
        body = signed["body"]
        return HttpRequest(
            method=signed["method"],
            url=signed["url"],
            headers=exchange.prepare_request_headers(signed["headers"]),
            body=body.encode() if body else None,
            timeout_s=timeout_s,
        )

    async def send(self, request: HttpRequest) -> HttpFact:
        """Sends once. Every failure is a fact, none an exception; only a cancelled task raises."""
        try:
            return await HttpFact.read(await self._transport.send(request))
        except TransportError as error:
            return HttpFact.of_error(error)

    # --- What ccxt's own methods call; so that they, too, can reach the network only through the port ----------------

    async def fetch(
        self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> object:
        """ccxt's contract: the decoded answer, or one of ccxt's exceptions."""
        exchange: Any = self
        prepared = exchange.prepare_request_headers(headers)
        fact = await self.send(HttpRequest(method, url, prepared, body.encode() if body else None, DEFAULT_TIMEOUT_S))
        if fact.status is None:
            kind = RequestTimeout if fact.fault is TransportFault.TIMEOUT else ExchangeNotAvailable
            raise kind(f"{exchange.id} {method}: {fact.detail}")
        content = fact.body.decode(errors="replace")
        document = exchange.parse_json(content)
        exchange.handle_errors(fact.status, "", url, method, fact.headers, content, document, prepared, body)
        exchange.handle_http_status_code(fact.status, "", url, method, content)
        return document

    async def throttle(self, cost: object = None) -> None:
        """Never waits: the limits are the adapter's."""

    async def sleep(self, milliseconds: float) -> None:
        await self._clock.sleep(milliseconds / 1000)

    def milliseconds(self) -> int:
        return milliseconds(self._clock.now())

    def nonce(self) -> int:
        return self.milliseconds()


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, cut off; noise below a microsecond is not time."""
    return int(round(seconds * 1_000_000) // 1000)
