"""Requests that no client should send: a venue answers them with an error of its own and never breaks."""

from __future__ import annotations

import pytest

from backend.emulator.wire import Request, Respond
from tests.emulator.kit import VENUES, Desk

TEXTS = ("", "\udcff", "²", "9" * 400, "a=" + "%FF" * 9, "&".join(["a=b"] * 200), "nonce=1&nonce=2", "{" * 500, "[1]")
PATHS = (
    "",
    "/",
    "/%2e",
    "/v2/orders/²",
    "/v2/orders/" + "1" * 30,
    "/0/private/AddOrder",
    "/api/v3/order",
    "/v2/orders",
    "/api/v1/hf/orders/sync",
    "/api/v1/hf/orders/²",
)
HEADERS = (
    *("x-mbx-apikey", "api-key", "api-sign", "firi-access-key", "firi-user-clientid", "firi-user-signature"),
    *("kc-api-key", "kc-api-sign", "kc-api-timestamp", "kc-api-passphrase"),
)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("text", TEXTS)
def test_nonsense_is_refused(venue: str, text: str) -> None:
    """Any path with any text as query, body and headers gets a 4xx or an error envelope, and nothing happens."""
    desk = Desk(venue)
    headers = {name: text for name in HEADERS if text}
    for path in PATHS:
        for method in ("GET", "POST", "DELETE", "PATCH"):
            for kind in ("application/json", "text/plain"):
                body = text.encode(errors="surrogateescape")
                request = Request(method, path, text, {**headers, "content-type": kind}, body)
                effect = desk.effect(request)
                assert isinstance(effect, Respond)
                assert effect.answer.status >= 400 or b"error" in effect.answer.body
    assert desk.core.ledger.orders == ()


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("text", ["\udcff", "²", "-1", "1e9", "NaN", "9" * 400, "0", "1_0", " 1"])
def test_odd_amounts_of_a_signed_order_are_refused(venue: str, text: str) -> None:
    """Only plain positive decimal numbers are amounts."""
    desk = Desk(venue)
    sizes = {"binance": "quantity", "kraken": "volume", "firi": "amount", "kucoin": "size", "bybit": "qty", "okx": "sz"}
    for name in (sizes[venue], "px" if venue == "okx" else "price"):
        odd = text.encode(errors="replace").decode()
        effect = desk.effect(desk.order(**{name: odd}))
        assert isinstance(effect, Respond)
        refused = (b'{"error":["E', b'{"code":"400100"', b'{"retCode":1', b'{"code":"1"')
        assert effect.answer.status == 400 or effect.answer.body.startswith(refused)
    assert desk.core.ledger.orders == ()
