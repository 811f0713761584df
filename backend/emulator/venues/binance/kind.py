"""The folder in one value, for the registry."""

from __future__ import annotations

from backend.emulator.dialect import Mode, VenueKind
from backend.emulator.venues.binance import facts
from backend.emulator.venues.binance.dialect import BinanceDialect
from backend.emulator.venues.binance.errors import ERRORS

KIND = VenueKind(
    name="binance",
    markets=facts.MARKETS,
    fees=facts.FEES,
    balances=facts.BALANCES,
    shape=facts.SHAPE,
    errors=ERRORS,
    modes=frozenset({Mode.MAINTENANCE, Mode.CANCEL_ONLY}),
    new_keys=facts.new_keys,
    order_id=facts.order_id,
    trade_id=facts.trade_id,
    dialect=BinanceDialect,
    throttle=facts.THROTTLE,
    port=1,
)
