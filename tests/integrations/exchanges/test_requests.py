"""The bytes that leave: signed as the venues document it, checked by an independent computation, amounts exact."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.domain.orders import Credentials, OrderRef, Side
from backend.domain.outcomes import Accepted
from backend.ports.transport import HttpRequest
from tests.fakes.transport import answer
from tests.integrations.exchanges.support import CLIENT_ID, Bench, make_bench, warm_bench

ACCEPTED = {
    "binance": answer({"orderId": 28, "clientOrderId": CLIENT_ID, "status": "NEW"}),
    "kucoin": answer({"code": "200000", "data": {"orderId": "67110f7c", "clientOid": CLIENT_ID}}),
    "kraken": answer({"error": [], "result": {"txid": ["OAAAAA-BBBBB-CCCCCC"]}}),
    "firi": answer({"id": 12345678}, 201),
    "bybit": answer({"retCode": 0, "retMsg": "OK", "result": {"orderId": "28", "orderLinkId": CLIENT_ID}}),
    "okx": answer({"code": "0", "data": [{"ordId": "28", "clOrdId": CLIENT_ID, "sCode": "0", "sMsg": ""}]}),
}
JSON_BODIES = ("firi", "bybit", "okx", "kucoin")
AMOUNTS = {
    "binance": ("quantity", "price"),
    "kraken": ("volume", "price"),
    "firi": ("amount", "price"),
    "bybit": ("qty", "price"),
    "okx": ("sz", "px"),
    "kucoin": ("size", "price"),
}


async def placed(bench: Bench, **changes: object) -> HttpRequest:
    """The one request of a place."""
    assert isinstance(await bench.place(ACCEPTED[bench.venue], **changes), Accepted)
    assert len(bench.sent) == 1
    return bench.sent[0]


def form(request: HttpRequest) -> dict[str, str]:
    assert request.body is not None
    return dict(parse_qsl(request.body.decode(), strict_parsing=True))


async def test_binance_places_from_the_frozen_fields() -> None:
    """Timestamp and window are the journaled ones, so a request that was held up is refused by the venue."""
    bench = await warm_bench("binance")
    bench.clock.at += 1
    request = await placed(bench)
    assert (request.method, request.url) == ("POST", "https://api.binance.com/api/v3/order")
    assert request.timeout_s == 12.0
    fields = form(request)
    signature = fields.pop("signature")
    assert fields == {
        "timestamp": "1700000000250",
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "IOC",
        "quantity": "0.00012",
        "price": "50000",
        "newClientOrderId": CLIENT_ID,
        "newOrderRespType": "FULL",
        "recvWindow": "5000",
    }
    signed = (request.body or b"").rpartition(b"&signature=")[0]
    secret = bench.credentials.secret.encode()
    assert signature == hmac.new(secret, signed, hashlib.sha256).hexdigest()
    assert request.headers["X-MBX-APIKEY"] == bench.credentials.api_key


@pytest.mark.parametrize(
    ("window_s", "sent"), [(0.0015, "1"), (1.2345, "1234"), (60.0, "60000"), (90.0, "60000"), (29.9999, "29999")]
)
async def test_binance_never_takes_a_later_deadline(window_s: float, sent: str) -> None:
    """Cut off to milliseconds and to the venue's maximum: earlier, never later than the journaled deadline."""
    bench = await warm_bench("binance")
    request = await placed(bench, not_after=bench.order.created_at + window_s)
    assert form(request)["recvWindow"] == sent


async def test_kraken_places_with_its_own_deadline_and_id() -> None:
    """cl_ord_id for the look-up, deadline as the venue's proof, signature over path, nonce and body."""
    bench = await warm_bench("kraken")
    request = await placed(bench)
    assert (request.method, request.url) == ("POST", "https://api.kraken.com/0/private/AddOrder")
    fields = form(request)
    nonce = fields.pop("nonce")
    assert fields == {
        "pair": "XXBTZUSD",
        "type": "buy",
        "ordertype": "limit",
        "volume": "0.00012",
        "price": "50000",
        "timeinforce": "IOC",
        "cl_ord_id": CLIENT_ID,
        "deadline": "2023-11-14T22:13:25.250Z",
    }
    inner = hashlib.sha256(nonce.encode() + (request.body or b"")).digest()
    secret = base64.b64decode(bench.credentials.secret)
    expected = hmac.new(secret, b"/0/private/AddOrder" + inner, hashlib.sha512).digest()
    assert base64.b64decode(request.headers["API-Sign"]) == expected
    assert request.headers["API-Key"] == bench.credentials.api_key


async def test_kraken_cuts_a_deadline_to_its_maximum() -> None:
    """The venue takes at most a minute; the earlier of the two is never less safe."""
    bench = await warm_bench("kraken")
    request = await placed(bench, not_after=bench.order.created_at + 300)
    assert form(request)["deadline"] == "2023-11-14T22:14:20.250Z"


async def test_kraken_nonces_rise_even_when_the_clock_stands_still() -> None:
    """A nonce that is not higher than the last one is refused."""
    bench = await warm_bench("kraken")
    for _ in range(3):
        bench.transport.then(answer({"error": [], "result": {}}))
        await bench.adapter.balances()
    bench.clock.at -= 10
    bench.transport.then(answer({"error": [], "result": {}}))
    await bench.adapter.balances()
    nonces = [int(form(request)["nonce"]) for request in bench.sent]
    assert nonces == [1700000000250, 1700000000251, 1700000000252, 1700000000253]


async def test_firi_with_a_plain_key_signs_nothing() -> None:
    """The key is the header; the body is the four documented fields, numbers as strings."""
    bench = await warm_bench("firi")
    request = await placed(bench)
    assert (request.method, request.url) == ("POST", "https://api.firi.com/v2/orders")
    assert request.body == b'{"market":"BTCNOK","type":"bid","price":"50000","amount":"0.00012"}'
    assert request.headers["firi-access-key"] == bench.credentials.api_key
    assert request.headers["Content-Type"] == "application/json"
    assert "firi-user-signature" not in request.headers


def firi_keys() -> Credentials:
    return Credentials(secrets.token_hex(8), secrets.token_hex(32), {"client_id": secrets.token_hex(4)})


async def test_firi_with_a_secret_signs_the_body() -> None:
    """HMAC over timestamp, validity and the body's fields in that order, as compact JSON of strings."""
    keys = firi_keys()
    bench = await warm_bench("firi", credentials=keys)
    bench.clock.at += 2
    request = await placed(bench, side=Side.SELL)
    assert urlsplit(request.url).path == "/v2/orders"
    query = dict(parse_qsl(urlsplit(request.url).query, strict_parsing=True))
    assert query == {"timestamp": "1700000000", "validity": "2000"}
    body = json.loads(request.body or b"")
    assert list(body.items()) == [("market", "BTCNOK"), ("type", "ask"), ("price", "50000"), ("amount", "0.00012")]
    signed = json.dumps({**query, **body}, separators=(",", ":")).encode()
    expected = hmac.new(keys.secret.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["firi-user-signature"] == expected
    assert request.headers["firi-user-clientid"] == keys.extra["client_id"]
    assert "firi-access-key" not in request.headers


async def test_firi_signs_a_read_without_its_other_parameters() -> None:
    """Only timestamp and validity are signed; the clock is the one of now."""
    keys = firi_keys()
    bench = await warm_bench("firi", answer([]), credentials=keys)
    bench.clock.at += 60
    await bench.adapter.balances()
    request = bench.sent[0]
    assert request.url == "https://api.firi.com/v2/balances?timestamp=1700000060&validity=2000"
    signed = b'{"timestamp":"1700000060","validity":"2000"}'
    assert request.headers["firi-user-signature"] == hmac.new(keys.secret.encode(), signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("quantity", "price", "sent"),
    [
        ("0.00000001", "1E+5", ("0.00000001", "100000")),
        ("1E-7", "0.10", ("0.0000001", "0.1")),
        ("123456789.123456789", "99999.99", ("123456789.123456789", "99999.99")),
        ("5", "1000", ("5", "1000")),
    ],
)
@pytest.mark.parametrize("venue", ACCEPTED)
async def test_amounts_are_exact_and_plain(venue: str, quantity: str, price: str, sent: tuple[str, str]) -> None:
    """No exponent, no rounding to a step, no float on the way: what was journaled is what is sent."""
    bench = await warm_bench(venue)
    request = await placed(bench, quantity=Decimal(quantity), price=Decimal(price))
    fields = json.loads(request.body or b"") if venue in JSON_BODIES else form(request)
    assert tuple(fields[name] for name in AMOUNTS[venue]) == sent


async def test_a_client_id_is_sent_as_it_is() -> None:
    """ccxt would put its own prefix before an id that it makes up; ours is the key of every later look-up."""
    for venue, name in (("binance", "newClientOrderId"), ("kraken", "cl_ord_id")):
        bench = await warm_bench(venue)
        identity = secrets.token_hex(16)
        bench.transport.then(answer({"error": [], "result": {"txid": ["O-1"]}}))
        await bench.place(client_id=identity)
        assert form(bench.sent[0])[name] == identity


async def test_a_cancel_names_the_order_once() -> None:
    """By the venue's id where there is one, else by ours; at Firi by the path that cannot mean a market."""
    bench = await warm_bench("binance", answer({"executedQty": "0"}), answer({"executedQty": "0"}))
    await bench.adapter.cancel_order(OrderRef("BTC/USDT", "28", CLIENT_ID))
    await bench.adapter.cancel_order(OrderRef("BTC/USDT", None, CLIENT_ID))
    queries = [dict(parse_qsl(urlsplit(request.url).query)) for request in bench.sent]
    assert [request.method for request in bench.sent] == ["DELETE", "DELETE"]
    assert ("orderId" in queries[0], "origClientOrderId" in queries[0]) == (True, False)
    assert queries[1]["origClientOrderId"] == CLIENT_ID
    signed = urlsplit(bench.sent[0].url).query.rpartition("&signature=")[0].encode()
    assert queries[0]["signature"] == hmac.new(bench.credentials.secret.encode(), signed, hashlib.sha256).hexdigest()

    bench = await warm_bench("kraken", *(answer({"error": [], "result": {"count": 1}}) for _ in range(2)))
    await bench.adapter.cancel_order(OrderRef("BTC/USD", "O-1", CLIENT_ID))
    await bench.adapter.cancel_order(OrderRef("BTC/USD", None, CLIENT_ID))
    assert [sorted(form(request)) for request in bench.sent] == [["nonce", "txid"], ["cl_ord_id", "nonce"]]

    bench = await warm_bench("firi", answer({"matched": "0.00002"}))
    await bench.adapter.cancel_order(OrderRef("BTC/NOK", "12345678"))
    assert (bench.sent[0].method, bench.sent[0].url) == (
        "DELETE",
        "https://api.firi.com/v2/orders/12345678/BTCNOK/detailed",
    )


async def test_public_calls_carry_no_key() -> None:
    """A health check or a book needs no account and shows none."""
    for venue in ACCEPTED:
        bench = make_bench(venue)
        await bench.adapter.warm()
        for request in bench.transport.requests:
            sent = f"{request.url} {dict(request.headers)} {request.body!r}"
            assert bench.credentials.api_key not in sent
            assert request.headers["User-Agent"] == "quantum-trader"
