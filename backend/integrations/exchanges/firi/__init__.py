"""Firi spot. ``FiriAdapter`` is imported when it is asked for, because that loads ccxt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.integrations.exchanges.firi.adapter import FiriAdapter

__all__ = ["FiriAdapter"]


def __getattr__(name: str) -> object:
    if name == "FiriAdapter":
        from backend.integrations.exchanges.firi.adapter import FiriAdapter

        return FiriAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
