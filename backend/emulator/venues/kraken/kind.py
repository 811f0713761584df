"""The folder in one value, for the registry."""

from __future__ import annotations

from backend.emulator.dialect import Mode, VenueKind
from backend.emulator.venues.kraken import facts
from backend.emulator.venues.kraken.dialect import KrakenDialect
from backend.emulator.venues.kraken.errors import ERRORS

KIND = VenueKind(
    name="kraken",
    markets=facts.MARKETS,
    fees=facts.FEES,
    balances=facts.BALANCES,
    shape=facts.SHAPE,
    errors=ERRORS,
    modes=frozenset(Mode),
    new_keys=facts.new_keys,
    order_id=facts.order_id,
    trade_id=facts.trade_id,
    dialect=KrakenDialect,
    throttle=facts.THROTTLE,
    port=2,
)
