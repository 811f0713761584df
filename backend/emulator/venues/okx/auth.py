"""Who may call, and how fresh a call must be: key, signature, passphrase and timestamp, all in headers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from backend.emulator.dialect import Keys, Refused
from backend.emulator.venues.okx.errors import ERRORS
from backend.emulator.venues.okx.facts import SKEW_MAX_S
from backend.emulator.wire import Request

# Each header with the error of its absence, in the order of the checks, which is unverified.
NEEDED = (("key", "50103"), ("passphrase", "50104"), ("sign", "50106"), ("timestamp", "50107"))
DEMO_HEADER = "x-simulated-trading"


def check(request: Request, keys: Keys, now: float) -> None:
    """Let a signed request pass; raises Refused."""
    given = {}
    for name, error in NEEDED:
        given[name] = request.headers.get(f"ok-access-{name}", "")
        if not given[name]:
            raise Refused(ERRORS[error].answer(now))
    at = _time(given["timestamp"])
    if at is None:
        raise Refused(ERRORS["50112"].answer(now))
    if abs(at - now) > SKEW_MAX_S:
        raise Refused(ERRORS["50102"].answer(now))
    if not _same(given["key"], keys["api_key"]):
        raise Refused(ERRORS["50111"].answer(now))
    if request.headers.get(DEMO_HEADER) == "1":  # the keys here are those of real trading
        raise Refused(ERRORS["50101"].answer(now))
    target = f"{request.path}?{request.query}" if request.query else request.path
    text = f"{given['timestamp']}{request.method}{target}".encode(errors="replace") + request.body
    signed = base64.b64encode(hmac.new(keys["secret"].encode(), text, hashlib.sha256).digest()).decode()
    if not _same(given["sign"], signed):
        raise Refused(ERRORS["50113"].answer(now))
    if not _same(given["passphrase"], keys["passphrase"]):
        raise Refused(ERRORS["50105"].answer(now))


def _time(text: str) -> float | None:
    """UTC with a Z, or None."""
    try:
        return datetime.fromisoformat(text).timestamp() if text.endswith("Z") else None
    except (ValueError, OverflowError):
        return None


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), right.encode())
