"""The simulated network between a router and the emulated exchanges: it delays, loses, repeats and cuts off.

What was sent is on its way whatever becomes of its sender. Everything here runs as the world's own, never as a part of
a process, so that a killed process cannot take its messages along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol
from urllib.parse import urlsplit

from backend.emulator.core import VenueCore
from backend.emulator.faults import FaultKind
from backend.emulator.wire import Answer, Effect, Endpoint, Hang, Pause, Request, Reset, Respond
from backend.lab.simulation.process import EPOCH_S, Process
from backend.ports.transport import HttpAnswer, HttpRequest, TransportError, TransportFault


@dataclass(frozen=True, slots=True)
class Weather:
    """Shares of the messages, each drawn on its own, and delays in seconds.

    ``slow``: so many requests and answers take a heavy tail (Pareto with index ``TAIL``) instead of about ``median_s``.
    ``cut_on_way``: the sender sees a reset, and the request arrives all the same.
    ``repeated``: the network delivers a request twice, and the answer that comes first is heard. An order only where
    the venue's ids are for ever, after its first copy was taken, and of its second only what the engine says, which is
    that it knows the id: no network may do more (protocol 2.2), because the refusal of one copy at some gate says
    nothing of another (seed 1603).
    """

    request_lost: float = 0.035
    answer_lost: float = 0.035
    refused: float = 0.01
    cut_before: float = 0.01
    cut_on_way: float = 0.01
    cut_after: float = 0.01
    slow: float = 0.03
    repeated: float = 0.01
    median_s: float = 0.02


CALM = Weather(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
TAIL = 0.8
SLOW_S = 0.2
SLOWEST_S = 20.0


class Watch(Protocol):
    """What is told of every message, for the invariants and the trace."""

    def leaving(
        self, process: Process, venue: str, endpoint: Endpoint | None, request: HttpRequest, handed_over: float
    ) -> None:
        """The first byte leaves now. ``handed_over``: when the process gave it away, by its own clock."""
        ...

    def answered(self, venue: str, request: HttpRequest) -> str:
        """What became of an order whose answer is there: "taken" or "refused"."""
        ...

    def refused(self, venue: str, request: HttpRequest) -> None:
        """The exchange has answered an order, whether that is heard or not, and has not taken it."""
        ...

    def handled(self, venue: str, endpoint: Endpoint | None) -> None:
        """An exchange has done something."""
        ...

    def noted(self, what: str) -> None:
        """For the trace."""
        ...

    def seen(self, what: str) -> None:
        """Counted: something that has to happen sometimes."""
        ...


@dataclass(frozen=True, slots=True)
class _Letter:
    """A request on its way, and where its answer is waited for. ``copy``: the network delivers it once more."""

    venue: str
    endpoint: Endpoint | None
    wire: Request
    asked: HttpRequest
    reply: asyncio.Future[Answer | TransportFault]
    copy: bool = False

    def resolve(self, what: Answer | TransportFault) -> None:
        """The first answer counts."""
        if not self.reply.done():
            self.reply.set_result(what)


class Network:
    """One for the world. ``repeatable``: venues at which an order may arrive twice."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        rng: Random,
        cores: Mapping[str, VenueCore],
        watch: Watch,
        repeatable: frozenset[str],
    ) -> None:
        self._loop = loop
        self._rng = rng
        self._cores = cores
        self._watch = watch
        self._repeatable = repeatable
        self._free = Context()
        self.weather = Weather()

    def now(self) -> float:
        """The true time, in epoch seconds."""
        return EPOCH_S + self._loop.time()

    def endpoint(self, venue: str, request: Request) -> Endpoint | None:
        return self._cores[venue].endpoint(request)

    def refuses(self, venue: str) -> bool:
        """Does this connection fail before a byte of the request is written?"""
        closed = self._cores[venue].refusing(self.now())
        if closed:
            self._watch.seen(f"fault {FaultKind.REFUSE.value}")
        if closed or self._drawn(self.weather.refused):
            self._watch.seen("connection refused")
            return True
        return False

    def carry(
        self, venue: str, endpoint: Endpoint | None, wire: Request, asked: HttpRequest
    ) -> asyncio.Future[Answer | TransportFault]:
        """Sends it off, as the exchange reads it and as the router asked it. The future is the answer, when and if it
        comes back."""
        letter = _Letter(venue, endpoint, wire, asked, self._loop.create_future())
        if self.weather is not CALM:
            self._watch.seen("rough request")
        if self._drawn(self.weather.request_lost):
            self._watch.seen("request lost")
            return letter.reply
        if self._drawn(self.weather.cut_before):
            self._watch.seen("cut before it arrived")
            self._later(self._delay(), lambda: letter.resolve(TransportFault.RESET))
            return letter.reply
        if self._drawn(self.weather.cut_on_way):
            self._watch.seen("cut on its way")
            self._later(self._delay(), lambda: letter.resolve(TransportFault.RESET))
        self._later(self._delay(), lambda: self._arrive(letter))
        twice = endpoint is not Endpoint.PLACE or venue in self._repeatable
        if twice and self._drawn(self.weather.repeated):
            self._later(self._delay(), lambda: self._arrive_again(letter))
        return letter.reply

    def _arrive_again(self, letter: _Letter) -> None:
        order = letter.endpoint is Endpoint.PLACE
        if order and self._watch.answered(letter.venue, letter.asked) != "taken":
            return
        self._watch.seen("order repeated by the network" if order else "request repeated")
        self._arrive(replace(letter, copy=True))

    def _arrive(self, letter: _Letter) -> None:
        core = self._cores[letter.venue]
        if core.refusing(self.now()):
            letter.resolve(TransportFault.RESET)
            return
        self._perform(letter, core.handle(letter.wire, self.now()))

    def _perform(self, letter: _Letter, effect: Effect) -> None:
        self._watch.handled(letter.venue, letter.endpoint)
        match effect:
            case Pause(at, then):
                self._at(at, lambda: self._perform(letter, then(self.now())))
            case Respond(at, answer, by_engine):
                if by_engine or not letter.copy or letter.endpoint is not Endpoint.PLACE:
                    self._at(at, lambda: self._answer(letter, answer))
            case Hang(at) | Reset(at):
                self._at(at, lambda: letter.resolve(TransportFault.RESET))

    def _answer(self, letter: _Letter, answer: Answer) -> None:
        if letter.endpoint is Endpoint.PLACE and self._watch.answered(letter.venue, letter.asked) == "refused":
            self._watch.refused(letter.venue, letter.asked)
        if self._drawn(self.weather.answer_lost):
            self._watch.seen("answer lost")
        elif self._drawn(self.weather.cut_after):
            self._watch.seen("cut after the effect")
            self._later(self._delay(), lambda: letter.resolve(TransportFault.RESET))
        else:
            what = TransportFault.BROKEN_ANSWER if answer.missing else answer
            self._later(self._delay(), lambda: letter.resolve(what))

    def _drawn(self, share: float) -> bool:
        return share > 0 and self._rng.random() < share

    def _delay(self) -> float:
        if self._drawn(self.weather.slow):
            self._watch.seen("heavy-tail delay")
            return min(SLOWEST_S, SLOW_S * self._rng.paretovariate(TAIL))
        return self.weather.median_s * (0.5 + self._rng.random())

    def _at(self, at: float, work: Callable[[], None]) -> None:
        self._later(max(0.0, at - self.now()), work)

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        self._loop.call_later(seconds, work, context=self._free)


class SimulatedTransport:
    """The Transport port of one process."""

    def __init__(self, process: Process, network: Network, hosts: Mapping[str, str], watch: Watch) -> None:
        self._process = process
        self._network = network
        self._hosts = hosts
        self._watch = watch

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """Raises TransportError when there is no whole answer within ``request.timeout_s``."""
        venue, wire = self._wire(request)
        endpoint = self._network.endpoint(venue, wire)
        began, handed_over = self._process.monotonic(), self._process.now()
        await self._process.point(f"{endpoint} before")
        if self._network.refuses(venue):
            raise TransportError(TransportFault.REFUSED, "connection refused", headers_written=False)
        self._watch.leaving(self._process, venue, endpoint, request, handed_over)
        reply = self._network.carry(venue, endpoint, wire, request)
        await self._process.point(f"{endpoint} sent")
        try:
            async with asyncio.timeout(max(0.0, request.timeout_s - (self._process.monotonic() - began))):
                answer = await reply
        except TimeoutError as error:
            raise TransportError(TransportFault.TIMEOUT, "no whole answer", headers_written=True) from error
        verdict = f" {self._watch.answered(venue, request)}" if endpoint is Endpoint.PLACE else ""
        await self._process.point(f"{endpoint} answered{verdict}")
        if isinstance(answer, TransportFault):
            raise TransportError(answer, "cut off", headers_written=True)
        return HttpAnswer(
            status=answer.status,
            reason="",
            headers={"Content-Type": answer.content_type, **dict(answer.headers)},
            body=answer.body,
            elapsed_s=self._process.monotonic() - began,
        )

    def _wire(self, request: HttpRequest) -> tuple[str, Request]:
        parts = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return self._hosts[parts.netloc], Request(request.method, parts.path, parts.query, headers, request.body or b"")

    async def close(self) -> None:
        """Nothing is open."""
