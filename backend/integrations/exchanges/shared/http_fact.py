"""What happened to one HTTP call, as one value: did a byte leave, and what came back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import TypeVar

from backend.ports.transport import HttpAnswer, TransportError, TransportFault

T = TypeVar("T")

LARGE_BYTES = 64 * 1024
"""Answers above this are read in a worker thread: the event loop must not stand still for a list of all markets."""


_READER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large answers")
"""One thread for all: of several the event loop would have to wait for each in turn."""


async def elsewhere(work: Callable[[], T]) -> T:
    """Runs work on a large answer in the reader's thread."""
    return await asyncio.get_running_loop().run_in_executor(_READER, work)


class NotJson(Enum):
    """The document of a body that is empty, cut off, a page, or not text at all."""

    NOT_JSON = "not json"


NOT_JSON = NotJson.NOT_JSON


@dataclass(frozen=True, slots=True)
class HttpFact:
    """One call's outcome on the wire. ``status`` is None when there was no whole answer; ``fault`` then says why.

    ``document`` is the decoded body with every number exact (int or Decimal), or NOT_JSON.
    """

    headers_written: bool
    fault: TransportFault | None = None
    detail: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    document: object = NOT_JSON
    elapsed_s: float = 0.0

    @property
    def success(self) -> bool:
        """A whole answer with a 2xx status. Says nothing of what the body holds."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def large(self) -> bool:
        """Is reading it work for another thread?"""
        return len(self.body) > LARGE_BYTES

    @classmethod
    async def read(cls, answer: HttpAnswer) -> HttpFact:
        """Like ``of_answer``, and a large body does not hold up the event loop."""
        if len(answer.body) <= LARGE_BYTES:
            return cls.of_answer(answer)
        return await elsewhere(lambda: cls.of_answer(answer))

    @classmethod
    def of_answer(cls, answer: HttpAnswer) -> HttpFact:
        return cls(
            headers_written=True,
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            document=decoded(answer.body),
            elapsed_s=answer.elapsed_s,
        )

    @classmethod
    def of_error(cls, error: TransportError) -> HttpFact:
        return cls(headers_written=error.headers_written, fault=error.fault, detail=error.detail)


def decoded(body: bytes) -> object:
    """The JSON document, or NOT_JSON. Numbers stay exact; NaN and Infinity, which JSON does not know, are refused."""
    try:
        if len(body) > LARGE_BYTES:
            return json.loads(body, parse_float=Decimal, parse_constant=_no_constant, object_hook=_breathe)
        return json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError):
        return NOT_JSON


def _breathe(document: dict[str, object]) -> dict[str, object]:
    """Nothing, but in Python: between two objects another thread gets its turn, which C code never gives."""
    return document


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
