"""Words of the command line that must be one of a few: a wrong one is a mistake of usage, not of the settings."""

from __future__ import annotations

import typer

from backend.domain.errors import UnknownExchange
from backend.policies.routing_tables import known_exchange


def exchange_name(word: str | None) -> str | None:
    """The word, if it is an exchange's name or none was said. Raises BadParameter with the names that there are."""
    try:
        return None if word is None else known_exchange(word)
    except UnknownExchange as error:
        raise typer.BadParameter(str(error)) from None


def exchange_names(words: list[str] | None) -> list[str] | None:
    """The same for several."""
    for word in words or ():
        exchange_name(word)
    return words
