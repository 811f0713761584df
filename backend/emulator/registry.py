"""All emulated venues. A new one is a folder under ``venues`` and one entry here."""

from __future__ import annotations

from collections.abc import Mapping

from backend.emulator.dialect import VenueKind
from backend.emulator.venues.binance.kind import KIND as BINANCE
from backend.emulator.venues.firi.kind import KIND as FIRI
from backend.emulator.venues.kraken.kind import KIND as KRAKEN

KINDS: Mapping[str, VenueKind] = {kind.name: kind for kind in (BINANCE, KRAKEN, FIRI)}
