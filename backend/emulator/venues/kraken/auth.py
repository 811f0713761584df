"""Who may call: API-Key, and API-Sign over path, nonce and body. A nonce must exceed the last one of its key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from backend.emulator.dialect import Keys, Refused
from backend.emulator.venues.kraken.errors import ERRORS
from backend.emulator.wire import Request

NONCE_DIGITS_MAX = 20


class Guard:
    """Checks one key and remembers its last nonce. Only a rightly signed request uses its nonce up."""

    def __init__(self, keys: Keys) -> None:
        self._key = keys["api_key"].encode()
        self._secret = base64.b64decode(keys["secret"])
        self._last = -1

    def check(self, request: Request, fields: Mapping[str, str], now: float) -> None:
        """Let a private call pass, or raise Refused."""
        if not hmac.compare_digest(request.headers.get("api-key", "").encode(errors="replace"), self._key):
            raise Refused(ERRORS["EAPI:Invalid key"].answer(now))
        nonce = fields.get("nonce", "")
        given = request.headers.get("api-sign", "").encode(errors="replace")
        if not hmac.compare_digest(self._signature(request, nonce), given):
            raise Refused(ERRORS["EAPI:Invalid signature"].answer(now))
        if not (nonce.isascii() and nonce.isdigit() and len(nonce) <= NONCE_DIGITS_MAX and int(nonce) > self._last):
            raise Refused(ERRORS["EAPI:Invalid nonce"].answer(now))
        self._last = int(nonce)

    def _signature(self, request: Request, nonce: str) -> bytes:
        inner = hashlib.sha256(nonce.encode(errors="replace") + request.body).digest()
        return base64.b64encode(
            hmac.new(self._secret, request.path.encode(errors="replace") + inner, hashlib.sha512).digest()
        )
