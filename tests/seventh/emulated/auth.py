"""Who may call: a signature over time, method, target and body."""

from __future__ import annotations

import hashlib
import hmac

from backend.emulator.dialect import Keys, Refused
from backend.emulator.wire import Request

from .errors import ERRORS

SKEW_MAX_S = 30


def check(request: Request, keys: Keys, now: float) -> None:
    """Raises Refused."""
    at = request.headers.get("x-time", "")
    target = f"{request.path}?{request.query}" if request.query else request.path
    words = f"{at}{request.method}{target}".encode() + request.body
    mark = hmac.new(keys["secret"].encode(), words, hashlib.sha256).hexdigest()
    known = request.headers.get("x-key") == keys["api_key"]
    if not (known and hmac.compare_digest(mark, request.headers.get("x-sign", ""))):
        raise Refused(ERRORS["bad_signature"].answer(now))
    if not at.isdecimal() or abs(int(at) / 1000 - now) > SKEW_MAX_S:
        raise Refused(ERRORS["clock"].answer(now))
