"""Bad input is refused at the door, by a typed error that names the field."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.domain.errors import InvalidOrder
from backend.domain.ids import body_hash, client_id
from backend.domain.money import ceil_to_step, floor_to_step, plain
from backend.domain.orders import Credentials, Intent, OrderType, Side

GOOD: dict[str, object] = {"id": "a", "symbol": "BTC/USDT", "side": "buy", "quantity": "0.1"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"symbol": "BTCUSDT"}, "symbol"),
        ({"symbol": "btc/usdt"}, "symbol"),
        ({"symbol": None}, "symbol"),
        ({"symbol": "/USDT"}, "symbol"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "Infinity"}, "quantity"),
        ({"quantity": Decimal("sNaN")}, "quantity"),
        ({"quantity": 0.1}, "quantity"),
        ({"quantity": True}, "quantity"),
        ({"quantity": "one"}, "quantity"),
        ({"quantity": "0.123456789012345678901"}, "quantity"),
        ({"side": "hold"}, "side"),
        ({"side": None}, "side"),
        ({"order_type": "stop"}, "order_type"),
        ({"order_type": "limit", "valid_until": 9.0}, "limit_price"),
        ({"order_type": "limit", "limit_price": "0", "valid_until": 9.0}, "limit_price"),
        ({"order_type": "limit", "limit_price": "5", "slippage_bps": "5", "valid_until": 9.0}, "limit_price"),
        ({"order_type": "limit", "limit_price": "5"}, "valid_until"),
        ({"limit_price": "5"}, "limit_price"),
        ({"slippage_bps": "0"}, "slippage_bps"),
        ({"slippage_bps": "10000"}, "slippage_bps"),
        ({"valid_until": float("nan")}, "valid_until"),
        ({"id": ""}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"id": 7}, "id"),
    ],
)
def test_bad_input_is_refused_by_name(change: dict[str, object], field: str) -> None:
    """Each wrong value gives InvalidOrder with the field it is about."""
    with pytest.raises(InvalidOrder) as refused:
        Intent.create(**{**GOOD, **change})  # type: ignore[arg-type]
    assert refused.value.field == field


def test_good_input_is_converted() -> None:
    """Strings become the exact values, and a market order has a slippage bound by default."""
    intent = Intent.create(**GOOD)  # type: ignore[arg-type]
    assert (intent.side, intent.order_type, intent.quantity) == (Side.BUY, OrderType.MARKET, Decimal("0.1"))
    assert intent.slippage_bps == Decimal(50)


def test_body_hash_tells_orders_apart_but_not_spellings() -> None:
    """1.0 and 1.00 are the same order; another quantity is another order."""
    one, same, other = (Intent.create(**{**GOOD, "quantity": q}) for q in ("1.0", "1.00", "1.01"))  # type: ignore[arg-type]
    assert body_hash(one) == body_hash(same) != body_hash(other)


def test_client_id_is_stable_and_distinct() -> None:
    """The same attempt has the same id; another number, leg, venue or intent has another; always 32 hex characters."""

    def make(**changes: object) -> str:
        values: dict[str, object] = {
            "cluster_tag": "0a1b2c3d",
            "incarnation": "0001",
            "intent_id": "a",
            "leg": 1,
            "attempt_number": 1,
            "venue": "binance",
            "account": "main",
        }
        return client_id(**{**values, **changes})  # type: ignore[arg-type]

    ids = {
        make(),
        make(attempt_number=2),
        make(venue="kraken"),
        make(intent_id="b"),
        make(account="other"),
        make(leg=2),
    }
    assert make() == make()
    assert len(ids) == 6
    assert all(len(identity) == 32 and set(identity) <= set("0123456789abcdef") for identity in ids)


def test_steps_round_to_the_safe_side() -> None:
    """Floor never exceeds, ceiling never falls below, and plain text has no exponent."""
    assert floor_to_step(Decimal("0.12345"), Decimal("0.001")) == Decimal("0.123")
    assert ceil_to_step(Decimal("0.12301"), Decimal("0.001")) == Decimal("0.124")
    assert plain(Decimal("1E-7")) == "0.0000001"
    assert plain(Decimal("100.00")) == "100"


def test_credentials_never_show() -> None:
    """No form of printing shows a key."""
    shown = Credentials(api_key="k-visible", secret="s-visible", extra={"client_id": "c-visible"})
    assert "visible" not in f"{shown} {shown!r}"
