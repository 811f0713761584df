"""The folder in one value, for the registry."""

from __future__ import annotations

from backend.emulator.dialect import Mode, VenueKind

from . import facts
from .dialect import MeridianDialect
from .errors import ERRORS

KIND = VenueKind(
    name="meridian",
    markets=facts.MARKETS,
    fees=facts.FEES,
    balances=facts.BALANCES,
    shape=facts.SHAPE,
    errors=ERRORS,
    modes=frozenset({Mode.MAINTENANCE}),
    new_keys=facts.new_keys,
    order_id=facts.order_id,
    trade_id=facts.trade_id,
    dialect=MeridianDialect,
    throttle=facts.THROTTLE,
)
