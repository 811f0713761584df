"""Words of the command line that must be one of a few: a wrong one is a mistake of usage, not of the settings."""

from __future__ import annotations

import typer

from backend.policies.routing_tables import EXCHANGES


def exchange_name(word: str | None) -> str | None:
    """The word, if it is an exchange's name or none was said. Raises BadParameter with the names that there are."""
    if word is not None and word not in EXCHANGES:
        raise typer.BadParameter(f"unknown exchange {word!r}; there are: {', '.join(EXCHANGES)}")
    return word


def exchange_names(words: list[str] | None) -> list[str] | None:
    """The same for several."""
    for word in words or ():
        exchange_name(word)
    return words
