"""Bybit v5 spot. ``BybitAdapter`` is imported when it is asked for, because that loads ccxt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.integrations.exchanges.bybit.adapter import BybitAdapter

__all__ = ["BybitAdapter"]


def __getattr__(name: str) -> object:
    if name == "BybitAdapter":
        from backend.integrations.exchanges.bybit.adapter import BybitAdapter

        return BybitAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
