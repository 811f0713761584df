"""All emulated venues: every folder under ``venues``, by its ``kind.KIND``. A new one is a folder, nothing here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from backend.emulator import venues
from backend.emulator.dialect import VenueKind


def _found() -> dict[str, VenueKind]:
    names = sorted(module.name for module in iter_modules(venues.__path__) if module.ispkg)
    return {name: import_module(f"{venues.__name__}.{name}.kind").KIND for name in names}


KINDS: Mapping[str, VenueKind] = _found()
