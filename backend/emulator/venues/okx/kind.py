"""The folder in one value, for the registry."""

from __future__ import annotations

from backend.emulator.dialect import Mode, VenueKind
from backend.emulator.venues.okx import facts
from backend.emulator.venues.okx.dialect import OkxDialect
from backend.emulator.venues.okx.errors import ERRORS

KIND = VenueKind(
    name="okx",
    markets=facts.MARKETS,
    fees=facts.FEES,
    balances=facts.BALANCES,
    shape=facts.SHAPE,
    errors=ERRORS,
    modes=frozenset({Mode.MAINTENANCE, Mode.POST_ONLY}),
    new_keys=facts.new_keys,
    order_id=facts.order_id,
    trade_id=facts.trade_id,
    dialect=OkxDialect,
    throttle=facts.THROTTLE,
    port=5,
)
