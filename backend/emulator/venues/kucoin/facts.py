"""KuCoin spot as data: markets, fees, time windows, keys and ids. Steps are those of the documents' symbol example."""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from random import Random

from backend.emulator.books import BookShape
from backend.emulator.limits import Limit, Tell, Throttle
from backend.emulator.market import FeeRule, Market
from backend.emulator.wire import Endpoint

MARKETS = (
    Market(
        symbol="BTC/USDT",
        native="BTC-USDT",
        base="BTC",
        quote="USDT",
        price_step=Decimal("0.1"),
        quantity_step=Decimal("0.00000001"),
        quantity_min=Decimal("0.00001"),
        quantity_max=Decimal(10_000_000_000),
        cost_min=Decimal("0.1"),
    ),
    Market(
        symbol="ETH/USDT",
        native="ETH-USDT",
        base="ETH",
        quote="USDT",
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.0000001"),
        quantity_min=Decimal("0.0001"),
        quantity_max=Decimal(10_000_000_000),
        cost_min=Decimal("0.1"),
    ),
)
QUOTE_STEP = Decimal("0.000001")  # of the funds of a market order
QUOTE_MAX = Decimal(99_999_999)

# Both sides pay 0.1 percent at the lowest level, always in the quote currency.
FEES = FeeRule(taker=Decimal("0.001"), maker=Decimal("0.001"), in_quote=True)
BALANCES = {"BTC": "100", "ETH": "1000", "USDT": "10000000"}
SHAPE = BookShape(spread_bps=1.5, basis_bps=2.0, gap_bps=1.2, level_usd=15_000.0)

SKEW_MAX_MS = 5_000
KEY_VERSIONS = frozenset({"2", "3"})  # both send the passphrase as an HMAC
PERMISSIONS, WITHDRAWS = "General,Spot", "Transfer"
FIRST_TRADE_ID = 11_029_373_000_000_000
FIRST_CURSOR = 19_814_000_000_000

# Weights of the spot pool as documented, for those calls that share an endpoint the dearest. No ban by the API is
# documented; the one of the content network (about 30 s) answers with a page and is not emulated.
WEIGHTS = {Endpoint.PLACE: 1, Endpoint.CANCEL: 1, Endpoint.QUERY: 2, Endpoint.OPEN: 2, Endpoint.TRADES: 2}
POOL = 4_000
POOL_S = 30.0
THROTTLE = Throttle(
    limited="429000",
    limits=(
        Limit(
            "429000",
            POOL,
            WEIGHTS,
            window_s=POOL_S,
            headers=(
                ("gw-ratelimit-limit", Tell.MOST),
                ("gw-ratelimit-remaining", Tell.LEFT),
                ("gw-ratelimit-reset", Tell.RESET_IN_MS),
            ),
        ),
    ),
)


def new_keys(random_bytes: Callable[[int], bytes]) -> dict[str, str]:
    """A fresh key of 24 hex digits with its secret and passphrase."""
    return {
        "api_key": random_bytes(12).hex(),
        "secret": random_bytes(16).hex(),
        "passphrase": base64.b32encode(random_bytes(10)).decode(),
    }


def order_id(number: int, rng: Random) -> str:
    """24 hex digits; the last eight count, so that lists can be continued after an order."""
    return f"{rng.getrandbits(64):016x}{number:08x}"


def order_number(order_id: str) -> int:
    """The number that an id was made from."""
    return int(order_id[16:], 16)


def trade_id(number: int, rng: Random) -> str:  # noqa: ARG001 - other venues draw theirs
    """Whole numbers that rise per symbol: the same number can stand in two symbols."""
    return str(FIRST_TRADE_ID + number)
