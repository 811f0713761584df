"""Who may call, and how fresh a call must be: key, HMAC-SHA256 signature, timestamp and window, all in headers."""

from __future__ import annotations

import hashlib
import hmac

from backend.emulator.dialect import Keys, Refused
from backend.emulator.venues.bybit.errors import ERRORS
from backend.emulator.venues.bybit.facts import AHEAD_MAX_MS, RECV_WINDOW_MAX_MS, RECV_WINDOW_MS
from backend.emulator.wire import Request


def check(request: Request, keys: Keys, now: float) -> float:
    """Let a signed request pass; returns the last moment (epoch seconds) at which it may take effect. Raises Refused.

    Valid if server - window <= timestamp < server + 1 s. The order of the checks is unverified.
    """
    timestamp, window = _header(request, "timestamp"), _header(request, "recv-window") or str(RECV_WINDOW_MS)
    if not _header(request, "api-key") or not _whole(timestamp) or not _whole(window):
        raise Refused(ERRORS["10001"].answer(now))
    if not _same(_header(request, "api-key"), keys["api_key"]):
        raise Refused(ERRORS["10003"].answer(now))
    sent = request.query.encode(errors="replace") if request.method == "GET" else request.body
    text = f"{timestamp}{keys['api_key']}{_header(request, 'recv-window')}".encode() + sent
    if not _same(_header(request, "sign"), hmac.new(keys["secret"].encode(), text, hashlib.sha256).hexdigest()):
        raise Refused(ERRORS["10004"].answer(now))
    at, server = int(timestamp), int(now * 1000)
    last = at + min(int(window), RECV_WINDOW_MAX_MS)
    if at >= server + AHEAD_MAX_MS or server > last:
        raise Refused(ERRORS["10002"].answer(now))
    return last / 1000


def _header(request: Request, name: str) -> str:
    return request.headers.get(f"x-bapi-{name}", "")


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), right.encode())


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 16
