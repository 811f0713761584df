"""All emulated venues: every folder under ``venues``, by its ``kind.KIND``. A new one is a folder, nothing here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from itertools import count
from pkgutil import iter_modules

from backend.emulator import venues
from backend.emulator.dialect import VenueKind


def _found() -> dict[str, VenueKind]:
    names = sorted(module.name for module in iter_modules(venues.__path__) if module.ispkg)
    kinds: list[VenueKind] = [import_module(f"{venues.__name__}.{name}.kind").KIND for name in names]
    kinds.sort(key=lambda kind: (not kind.port, kind.port))
    return {kind.name: kind for kind in kinds}


def _places(kinds: Mapping[str, VenueKind]) -> dict[str, int]:
    following = count(max((kind.port for kind in kinds.values()), default=0) + 1)
    return {name: kind.port or next(following) for name, kind in kinds.items()}


KINDS: Mapping[str, VenueKind] = _found()
PLACES: Mapping[str, int] = _places(KINDS)  # each venue's place in the row of fixed ports, from 1
