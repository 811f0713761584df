"""The folder in one value, for the registry."""

from __future__ import annotations

from backend.emulator.dialect import Mode, VenueKind
from backend.emulator.venues.kucoin import facts
from backend.emulator.venues.kucoin.dialect import KucoinDialect
from backend.emulator.venues.kucoin.errors import ERRORS

KIND = VenueKind(
    name="kucoin",
    markets=facts.MARKETS,
    fees=facts.FEES,
    balances=facts.BALANCES,
    shape=facts.SHAPE,
    errors=ERRORS,
    modes=frozenset({Mode.MAINTENANCE, Mode.CANCEL_ONLY}),
    new_keys=facts.new_keys,
    order_id=facts.order_id,
    trade_id=facts.trade_id,
    dialect=KucoinDialect,
    throttle=facts.THROTTLE,
    port=6,
)
