"""Kraken spot. ``KrakenAdapter`` is imported when it is asked for, because that loads ccxt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.integrations.exchanges.kraken.adapter import KrakenAdapter

__all__ = ["KrakenAdapter"]


def __getattr__(name: str) -> object:
    if name == "KrakenAdapter":
        from backend.integrations.exchanges.kraken.adapter import KrakenAdapter

        return KrakenAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
