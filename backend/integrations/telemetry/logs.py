"""Log records as JSON through standard logging, so that a host program's own handlers see them.

The record's message is the JSON text of one object with ``message``, upper-case ``level`` and the fields. The fields
are attributes of the record too, under ``field_NAME``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

LOGGER_NAME = "quantum_trader"


class JsonLog:
    """Costs next to nothing when the level is filtered out."""

    def __init__(self, name: str = LOGGER_NAME) -> None:
        self._logger = logging.getLogger(name)

    def write(self, level: int, message: str, fields: Mapping[str, object]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        text = json.dumps({"message": message, "level": logging.getLevelName(level), **fields}, default=_plain)
        # The text goes in as an argument: a percent sign in it is no format.
        extra = {f"field_{name}": value for name, value in fields.items()}
        self._logger.log(level, "%s", text, extra=extra, stacklevel=3)


def _plain(value: object) -> object:
    """Exact numbers and enums as text; anything else as its repr, which hides secrets."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.value if isinstance(value, Enum) else repr(value)
