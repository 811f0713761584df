"""Where the commands print: one width for pipes, and what is done when nothing can be written any more.

What an exit status says of an order must not depend on whether somebody reads along.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

from rich.console import Console

PIPE_WIDTH = 120


def paper() -> Console:
    """Standard output; wide enough for a table where it is no terminal. Nothing in a text is a command to it: ids and
    the exchanges' own words may hold any brackets."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False, emoji=False)


def open_streams() -> None:
    """A stream that was closed at the start leads to nowhere. Otherwise the next file that is opened, the journal for
    one, would take its number, and with it whatever is printed there."""
    if sys.stdout is None:
        drop_output()
    if sys.stderr is None:
        sys.stderr = _nowhere()


def say(line: str) -> None:
    """A line on standard output, at once. Whoever no longer reads ends nothing that runs."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:
        drop_output()


def complain(line: str) -> None:
    """A line on standard error, and nothing else if it cannot be written: the exit status is still to come."""
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        sys.stderr = _nowhere()


def drop_output() -> None:
    """Output failed, as on a full disk: what is left in the buffer would fail once more when the process ends."""
    sys.stdout = _nowhere()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - until the process ends
