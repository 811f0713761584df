"""Do the configured keys work? Asked for people, who should learn it before an order does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from backend.domain.errors import KeyCanWithdraw, MissingCredentials, VenueCallFailed
from backend.ports.exchange import ExchangeAdapter


async def key_problems(adapter_of: Callable[[str], ExchangeAdapter], venues: Iterable[str]) -> Mapping[str, str | None]:
    """For each venue what stands against its keys: incomplete, refused, able to withdraw, or no answer about them; None
    where a signed read was answered."""
    asked = list(venues)
    return dict(zip(asked, await asyncio.gather(*(_problem(adapter_of(venue)) for venue in asked)), strict=True))


async def _problem(adapter: ExchangeAdapter) -> str | None:
    try:
        await adapter.check_key()
        await adapter.balances()
    except (KeyCanWithdraw, MissingCredentials) as error:
        return str(error)
    except VenueCallFailed as error:
        return f"no signed answer: {error.problem}"
    return None
