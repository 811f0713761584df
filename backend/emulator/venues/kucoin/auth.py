"""Who may call, and how fresh a call must be: key, HMAC-SHA256 signature, signed passphrase and timestamp.

Headers of the partner programme (KC-API-PARTNER and others) are not looked at.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import unquote_plus

from backend.emulator.dialect import Keys, Refused
from backend.emulator.venues.kucoin.errors import ERRORS
from backend.emulator.venues.kucoin.facts import KEY_VERSIONS, SKEW_MAX_MS
from backend.emulator.wire import Request

HEADERS = ("kc-api-key", "kc-api-sign", "kc-api-timestamp", "kc-api-passphrase")


def check(request: Request, keys: Keys, now: float) -> None:
    """Let a signed request pass; raises Refused. The order of the checks is unverified."""
    key, sign, timestamp, passphrase = (request.headers.get(name, "") for name in HEADERS)
    if not (key and sign and timestamp and passphrase):
        raise Refused(ERRORS["400001"].answer(now))
    if not _whole(timestamp) or abs(int(now * 1000) - int(timestamp)) > SKEW_MAX_MS:
        raise Refused(ERRORS["400002"].answer(now))
    if not _same(key, keys["api_key"]):
        raise Refused(ERRORS["400003"].answer(now))
    if not any(_same(sign, _hmac(keys["secret"], text)) for text in _signed(request, timestamp)):
        raise Refused(ERRORS["400005"].answer(now))
    # Version 1 sent the passphrase in the clear; such keys are not made any more.
    version = request.headers.get("kc-api-key-version", "")
    if version not in KEY_VERSIONS or not _same(passphrase, _hmac(keys["secret"], keys["passphrase"].encode())):
        raise Refused(ERRORS["400004"].answer(now))


def _signed(request: Request, timestamp: str) -> tuple[bytes, bytes]:
    """What the signature covers: the query as it was sent, or before it was percent-encoded.

    Which of the two is meant shows only where something is encoded. The venue's own SDK signs the plain one.
    """
    texts = (request.query, unquote_plus(request.query))
    heads = (timestamp + request.method + request.path + (f"?{text}" if text else "") for text in texts)
    first, second = (head.encode(errors="replace") + request.body for head in heads)
    return first, second


def _hmac(secret: str, text: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), right.encode())


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 16
