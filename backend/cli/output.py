"""Where the commands print: one width for pipes, and what is done when nothing can be written any more.

What an exit status says of an order must not depend on whether somebody reads along.
"""

from __future__ import annotations

import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from rich.console import Console

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

PIPE_WIDTH = 120


def paper() -> Console:
    """Standard output; wide enough for a table where it is no terminal. Nothing in a text is a command to it: ids and
    the exchanges' own words may hold any brackets."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False, emoji=False)


class _Errors(FileIO):
    """Standard error that may be full or closed, or have nobody left who reads it. ``lost``: something could not be
    written. No exit status, and no end of a process, waits for it."""

    lost = False

    def write(self, data: Buffer, /) -> int:
        try:
            written: int | None = super().write(data)
        except OSError:
            written = None
        if written is None:  # failed, or full for now and nobody waits: what is over it would try for ever
            self.lost = True
            return memoryview(data).nbytes
        return written


def open_streams() -> None:
    """A stream that was closed at the start leads to nowhere. Otherwise the next file that is opened, the journal for
    one, would take its number, and with it whatever is printed there. What is wrong with standard error stays there."""
    missing, encoding = sys.stderr is None, getattr(sys.stderr, "encoding", "utf-8")
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it takes the lowest free number: this one
    if sys.stdout is None:
        drop_output()
    raw = _Errors(2, "w", closefd=False)
    raw.lost = missing
    sys.stderr = TextIOWrapper(BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=True)


def say(line: str) -> None:
    """A line on standard output, at once. Whoever no longer reads ends nothing that runs."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:
        drop_output()


def complain(line: str) -> bool:
    """A line on standard error; whether it could be written, as far as that can be told."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
    raw = getattr(getattr(sys.stderr, "buffer", None), "raw", None)
    return not (isinstance(raw, _Errors) and raw.lost)


def drop_output() -> None:
    """Output failed, as on a full disk: what is left in the buffer would fail once more when the process ends."""
    sys.stdout = _nowhere()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - until the process ends
