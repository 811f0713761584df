"""Where the commands print: one width for pipes, and what is done when nothing can be written any more."""

from __future__ import annotations

import os
import sys

from rich.console import Console

PIPE_WIDTH = 120


def paper() -> Console:
    """Standard output; wide enough for a table where it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)


def drop_output() -> None:
    """Output failed, as on a full disk: what is left in the buffer would fail once more when the process ends."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - until the process ends
