"""Log records as JSON through standard logging, so that a host program's own handlers see them.

The record's message is the JSON text of one object with ``message``, upper-case ``level`` and the fields. The fields
are attributes of the record too, under ``field_NAME``; a field called message or level is ``field_NAME`` in the text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

LOGGER_NAME = "quantum_trader"
OWN_KEYS = ("message", "level")


class JsonLog:
    """Costs next to nothing when the level is filtered out. No value makes it raise: no order fails on its log."""

    def __init__(self, name: str = LOGGER_NAME) -> None:
        self._logger = logging.getLogger(name)

    def write(self, level: int, message: str, fields: Mapping[str, object]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        text = _json({"message": message, "level": logging.getLevelName(level), **_renamed(fields)})
        # The text goes in as an argument: a percent sign in it is no format.
        extra = {f"field_{name}": value for name, value in fields.items()}
        self._logger.log(level, "%s", text, extra=extra, stacklevel=3)


def _renamed(fields: Mapping[str, object]) -> dict[str, object]:
    """No field takes the place of the record's own keys."""
    return {f"field_{name}" if name in OWN_KEYS else name: value for name, value in fields.items()}


def _json(record: Mapping[str, object]) -> str:
    """Strict JSON, without NaN; what has no place in it stands as its repr."""
    try:
        return json.dumps(record, default=_plain, allow_nan=False)
    except (TypeError, ValueError):
        return json.dumps({name: _fitting(value) for name, value in record.items()}, default=_plain)


def _fitting(value: object) -> object:
    try:
        json.dumps(value, default=_plain, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value


def _plain(value: object) -> object:
    """Exact numbers and enums as text; anything else as its repr, which hides secrets."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.value if isinstance(value, Enum) else repr(value)
