"""Who may call: a plain key in a header, or a signature over time, validity and body. Old header names count too."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

from backend.emulator.dialect import Keys, Refused
from backend.emulator.venues.firi.errors import ERRORS
from backend.emulator.wire import Request

PREFIXES = ("firi-", "miraiex-")
# The documents do not name the unit of ``validity``: taken as milliseconds, whose usual value is 2000 (unverified).
VALIDITY_PER_S = 1000
DIGITS_MAX = 12


def check(request: Request, query: Mapping[str, str], body: Mapping[str, object], keys: Keys, now: float) -> None:
    """Let a private call pass, or raise Refused.

    A signature wins over a plain key when both are sent. Nothing suggests that a signature counts only once.
    """
    client, signature = _header(request, "user-clientid"), _header(request, "user-signature")
    if client or signature:
        _check_signature(client, signature, query, body, keys, now)
    elif not hmac.compare_digest(_header(request, "access-key").encode(errors="replace"), keys["api_key"].encode()):
        raise Refused(ERRORS["ApiKeyNotFound"].answer(now))


def _check_signature(
    client: str, given: str, query: Mapping[str, str], body: Mapping[str, object], keys: Keys, now: float
) -> None:
    if not hmac.compare_digest(client.encode(errors="replace"), keys["client_id"].encode()):
        raise Refused(ERRORS["ApiKeyNotFound"].answer(now))
    timestamp, validity = query.get("timestamp", ""), query.get("validity", "")
    if not (_whole(timestamp) and _whole(validity)):
        raise Refused(ERRORS["Invalid Signature"].answer(now))
    # The documents sign timestamp and validity first, then the body; other orders that clients use are not accepted.
    signed = json.dumps(
        {"timestamp": timestamp, "validity": validity, **body}, separators=(",", ":"), ensure_ascii=False
    )
    right = hmac.new(keys["secret"].encode(), signed.encode(errors="replace"), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right.encode(), given.encode(errors="replace")):
        raise Refused(ERRORS["Invalid Signature"].answer(now))
    valid_s = int(validity) / VALIDITY_PER_S
    if not int(timestamp) - valid_s <= now <= int(timestamp) + valid_s:
        raise Refused(ERRORS["Expired Signature"].answer(now))


def _header(request: Request, name: str) -> str:
    return next((request.headers[prefix + name] for prefix in PREFIXES if prefix + name in request.headers), "")


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX
