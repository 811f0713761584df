"""The exchanges' own client libraries, unmodified, against the emulator: a reading by those who know best."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import warnings
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from binance_common.configuration import ConfigurationRestAPI
from binance_common.errors import BadRequestError
from binance_sdk_spot.rest_api.models import NewOrderSideEnum, NewOrderTimeInForceEnum, NewOrderTypeEnum
from binance_sdk_spot.spot import Spot
from pydantic.warnings import PydanticDeprecationWarning

from tests.emulator.web import started

with warnings.catch_warnings():
    # The SDK is written for an older pydantic and says so while it is loaded and used.
    warnings.simplefilter("ignore", PydanticDeprecationWarning)
    from kucoin_universal_sdk.api import DefaultClient
    from kucoin_universal_sdk.generate.spot import order as kucoin
    from kucoin_universal_sdk.model import ClientOptionBuilder, TransportOptionBuilder
    from kucoin_universal_sdk.model.common import RestError

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")

Keys = Mapping[str, str]


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anywhere else is an error, and proxies of the environment are not used."""
    connect: Callable[[socket.socket, Any], None] = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a request wanted to leave for {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_a_request_to_anywhere_else_is_an_error() -> None:
    """What watches over these tests does see a connection that leaves loopback."""
    with socket.socket() as probe, pytest.raises(AssertionError, match="wanted to leave"):
        probe.connect(("192.0.2.1", 80))


def binance_client(address: str, keys: Keys) -> Any:
    """The Binance SDK as its documents start it, with another base path and no repetition of reads."""
    configuration = ConfigurationRestAPI(
        api_key=keys["api_key"], api_secret=keys["secret"], base_path=address, timeout=10_000, retries=0
    )
    return Spot(config_rest_api=configuration).rest_api


def binance_order(client: Any, price: float, client_id: str, time_in_force: NewOrderTimeInForceEnum) -> Any:
    return client.new_order(
        symbol="BTCUSDT",
        side=NewOrderSideEnum.BUY,
        type=NewOrderTypeEnum.LIMIT,
        time_in_force=time_in_force,
        quantity=0.5,
        price=price,
        new_client_order_id=client_id,
    ).data()


def trade_on_binance(address: str, keys: Keys) -> None:
    """Place, query and cancel one order; let another one fill, and find its trade."""
    client = binance_client(address, keys)
    assert client.time().data().server_time > 0
    resting = binance_order(client, 90.0, "rests-1", NewOrderTimeInForceEnum.GTC)
    found = client.get_order(symbol="BTCUSDT", orig_client_order_id="rests-1").data()
    assert (found.order_id, found.status, found.orig_qty) == (resting.order_id, "NEW", "0.50000000")
    assert [order.order_id for order in client.get_open_orders(symbol="BTCUSDT").data()] == [resting.order_id]
    cancelled = client.delete_order(symbol="BTCUSDT", order_id=resting.order_id).data()
    assert (cancelled.status, cancelled.orig_client_order_id) == ("CANCELED", "rests-1")
    taken = binance_order(client, 100.0, "takes-1", NewOrderTimeInForceEnum.IOC)
    assert (taken.status, taken.executed_qty) == ("FILLED", "0.50000000")
    (trade,) = client.my_trades(symbol="BTCUSDT").data()
    assert (trade.order_id, trade.qty, trade.commission_asset) == (taken.order_id, "0.50000000", "BTC")
    free = {balance.asset: balance.free for balance in client.get_account().data().balances}
    assert free["USDT"] == "9999950.00000000"


def kucoin_client(address: str, keys: Keys) -> Any:
    """The KuCoin SDK as its documents start it, with other endpoints."""
    option = (
        ClientOptionBuilder()
        .set_key(keys["api_key"])
        .set_secret(keys["secret"])
        .set_passphrase(keys["passphrase"])
        .set_spot_endpoint(address)
        .set_futures_endpoint(address)
        .set_broker_endpoint(address)
        .set_transport_option(TransportOptionBuilder().set_max_retries(0).build())
        .build()
    )
    return DefaultClient(option).rest_service()


def kucoin_order(orders: Any, price: str, client_id: str, time_in_force: kucoin.AddOrderSyncReq.TimeInForceEnum) -> Any:
    request = (
        kucoin.AddOrderSyncReqBuilder()
        .set_symbol("BTC-USDT")
        .set_side(kucoin.AddOrderSyncReq.SideEnum.BUY)
        .set_type(kucoin.AddOrderSyncReq.TypeEnum.LIMIT)
        .set_time_in_force(time_in_force)
        .set_size("0.5")
        .set_price(price)
        .set_client_oid(client_id)
        .build()
    )
    return orders.add_order_sync(request)


def trade_on_kucoin(address: str, keys: Keys) -> None:
    """Place, query and cancel one order; let another one fill, and find its trade."""
    service = kucoin_client(address, keys)
    orders = service.get_spot_service().get_order_api()
    times = kucoin.AddOrderSyncReq.TimeInForceEnum
    assert service.get_spot_service().get_market_api().get_server_time().data > 0
    resting = kucoin_order(orders, "90", "rests-1", times.GTC)
    by_id = kucoin.GetOrderByClientOidReqBuilder().set_symbol("BTC-USDT").set_client_oid("rests-1").build()
    found = orders.get_order_by_client_oid(by_id)
    assert (found.id, found.active, found.size) == (resting.order_id, True, "0.5")
    open_orders = orders.get_open_orders(kucoin.GetOpenOrdersReqBuilder().set_symbol("BTC-USDT").build())
    assert [order.id for order in open_orders.data] == [resting.order_id]
    named = kucoin.CancelOrderByOrderIdSyncReqBuilder().set_symbol("BTC-USDT").set_order_id(resting.order_id).build()
    cancelled = orders.cancel_order_by_order_id_sync(named)
    assert (cancelled.canceled_size, cancelled.status.value) == ("0.5", "done")
    taken = kucoin_order(orders, "100", "takes-1", times.IOC)
    assert (taken.deal_size, taken.status.value) == ("0.5", "done")
    history = orders.get_trade_history(kucoin.GetTradeHistoryReqBuilder().set_symbol("BTC-USDT").build())
    assert [(fill.order_id, fill.size, fill.fee_currency) for fill in history.items] == [
        (taken.order_id, "0.5", "USDT")
    ]
    assert service.get_account_service().get_account_api().get_apikey_info().permission == "General,Spot"


@pytest.mark.parametrize(("venue", "trade"), [("binance", trade_on_binance), ("kucoin", trade_on_kucoin)])
async def test_an_official_sdk_trades(venue: str, trade: Callable[[str, Keys], None]) -> None:
    """The SDK places, queries, lists and cancels, and the ledger knows exactly what it filled."""
    async with started() as emulator:
        await asyncio.to_thread(trade, emulator.addresses[venue], emulator.credentials[venue])
        truth = emulator.ledger(venue)
        assert [order.status for order in truth.orders] == ["cancelled", "filled"]
        assert truth.filled("takes-1") == Decimal("0.5")


async def test_the_binance_sdk_is_refused_with_a_wrong_secret() -> None:
    """A signature made with another secret opens nothing, and the SDK reads the refusal."""
    async with started() as emulator:
        keys = {**emulator.credentials["binance"], "secret": "another"}
        client = binance_client(emulator.addresses["binance"], keys)
        with pytest.raises(BadRequestError, match="Signature for this request is not valid") as refused:
            await asyncio.to_thread(binance_order, client, 100.0, "takes-1", NewOrderTimeInForceEnum.IOC)
        assert refused.value.status_code == -1022
        assert emulator.ledger("binance").orders == ()


async def test_the_kucoin_sdk_is_refused_with_a_wrong_secret() -> None:
    """A signature made with another secret opens nothing, and the SDK reads the refusal."""
    async with started() as emulator:
        keys = {**emulator.credentials["kucoin"], "secret": "another"}
        orders = kucoin_client(emulator.addresses["kucoin"], keys).get_spot_service().get_order_api()
        times = kucoin.AddOrderSyncReq.TimeInForceEnum
        with pytest.raises(RestError, match="400005"):
            await asyncio.to_thread(kucoin_order, orders, "100", "takes-1", times.IOC)
        assert emulator.ledger("kucoin").orders == ()
