"""What goes in and out of an emulated venue: requests as plain values, and effects that say what happens and when."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl

FIELDS_MAX = 64
JSON_TYPE = "application/json"
HTML_TYPE = "text/html"

Headers = tuple[tuple[str, str], ...]


class Endpoint(StrEnum):
    """What a request is for, in words common to all venues. Faults are aimed at these."""

    TIME = "TIME"
    STATUS = "STATUS"
    MARKETS = "MARKETS"
    DEPTH = "DEPTH"
    PLACE = "PLACE"
    CANCEL = "CANCEL"
    QUERY = "QUERY"
    OPEN = "OPEN"
    TRADES = "TRADES"
    BALANCES = "BALANCES"
    KEYS = "KEYS"  # what the key that asks may do


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``query`` and ``body`` are exactly the bytes that were sent, because signatures cover them."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. ``missing`` bytes are promised by Content-Length and never sent (a body cut off on the way)."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Headers = ()
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Respond:
    """The answer leaves at ``at`` (epoch seconds). ``by_engine``: it is not that of a gate before the engine."""

    at: float
    answer: Answer
    by_engine: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset at ``at`` without an answer."""

    at: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing is sent. At ``until`` the venue gives up and drops the connection."""

    until: float


@dataclass(frozen=True, slots=True)
class Pause:
    """The request waits inside the venue. At ``at`` somebody has to call ``then`` with the time it is by then."""

    at: float
    then: Callable[[float], Effect]


Effect = Respond | Reset | Hang | Pause


def json_answer(status: int, value: object, headers: Headers = ()) -> Answer:
    """An answer with a compact JSON body."""
    return Answer(status, json.dumps(value, separators=(",", ":")).encode(), headers=headers)


def form(text: str) -> dict[str, str]:
    """The fields of a query string or form body; of a repeated name the last. An unreadable text has no fields."""
    if not text:
        return {}
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError:
        return {}
