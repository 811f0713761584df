"""Who may call, and how fresh a call must be: key header, HMAC-SHA256 signature, timestamp and recvWindow."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from backend.emulator.dialect import Keys, Refused
from backend.emulator.venues.binance.errors import ERRORS
from backend.emulator.venues.binance.facts import AHEAD_MAX_MS, RECV_WINDOW_MAX_MS, RECV_WINDOW_MS
from backend.emulator.wire import Answer, Request, json_answer

KEY_HEADER = "x-mbx-apikey"
KEY_LENGTH = 64
SIGNATURE = "signature="


def check(request: Request, fields: Mapping[str, str], keys: Keys, now: float) -> float:
    """Let a signed request pass. Returns the last moment (epoch seconds) at which the engine may still take it."""
    key = request.headers.get(KEY_HEADER, "")
    if len(key) != KEY_LENGTH:
        raise Refused(ERRORS["-2014"].answer(now))
    if not hmac.compare_digest(key.encode(errors="replace"), keys["api_key"].encode()):
        raise Refused(ERRORS["-2015"].answer(now))
    not_after = _window(fields, now)
    signed, given = _split(request)
    right = hmac.new(keys["secret"].encode(), signed.encode(errors="replace"), hashlib.sha256).hexdigest()
    if not given:
        raise Refused(missing("signature"))
    if not hmac.compare_digest(right.encode(), given.encode(errors="replace")):
        raise Refused(ERRORS["-1022"].answer(now))
    return not_after


def missing(name: str) -> Answer:
    """A mandatory parameter is not there."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return json_answer(400, {"code": -1102, "msg": text})


def _window(fields: Mapping[str, str], now: float) -> float:
    """Accepted while ``timestamp < server + 1000 ms`` and ``server - timestamp <= recvWindow``."""
    timestamp, window = fields.get("timestamp", ""), fields.get("recvWindow", str(RECV_WINDOW_MS))
    if not _whole(timestamp):
        raise Refused(missing("timestamp"))
    if not _whole(window):
        raise Refused(missing("recvWindow"))
    if int(window) > RECV_WINDOW_MAX_MS:
        raise Refused(ERRORS["-1131"].answer(now))
    server = int(now * 1000)
    if int(timestamp) >= server + AHEAD_MAX_MS:
        raise Refused(ERRORS["-1021:ahead"].answer(now))
    if server - int(timestamp) > int(window):
        raise Refused(ERRORS["-1021"].answer(now))
    return (int(timestamp) + int(window)) / 1000


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 16


def _split(request: Request) -> tuple[str, str]:
    """What is signed (query string, then body, without the signature itself) and the signature."""
    given = ""
    parts = []
    for text in (request.query, request.body.decode("latin-1")):
        kept = []
        for field in text.split("&"):
            if field.startswith(SIGNATURE):
                given = field.removeprefix(SIGNATURE)
            else:
                kept.append(field)
        parts.append("&".join(kept))
    return "".join(parts), given
