"""Binance spot. ``BinanceAdapter`` is imported when it is asked for, because that loads ccxt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.integrations.exchanges.binance.adapter import BinanceAdapter

__all__ = ["BinanceAdapter"]


def __getattr__(name: str) -> object:
    if name == "BinanceAdapter":
        from backend.integrations.exchanges.binance.adapter import BinanceAdapter

        return BinanceAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
