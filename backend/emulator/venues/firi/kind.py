"""The folder in one value, for the registry."""

from __future__ import annotations

from backend.emulator.dialect import VenueKind
from backend.emulator.venues.firi import facts
from backend.emulator.venues.firi.dialect import FiriDialect
from backend.emulator.venues.firi.errors import ERRORS

KIND = VenueKind(
    name="firi",
    markets=facts.MARKETS,
    fees=facts.FEES,
    balances=facts.BALANCES,
    shape=facts.SHAPE,
    errors=ERRORS,
    modes=frozenset(),
    new_keys=facts.new_keys,
    order_id=facts.order_id,
    trade_id=facts.trade_id,
    dialect=FiriDialect,
    throttle=facts.THROTTLE,
    port=3,
)
