"""Looking at a journal without routing: it is read, never opened for writing, and not locked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from backend.bootstrap.parts import journal_path, read_settings
from backend.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from backend.integrations.journal.verify import Verdict


def verify_journal(path: Path | None = None) -> tuple[Path, Verdict]:
    """The journal of the settings, or another one, and whether it holds together. Raises JournalError."""
    from backend.integrations.journal.verify import verify

    chosen = path or journal_path(read_settings())
    return chosen, verify(chosen)


def export_journal(table: str, form: str, out: TextIO, path: Path | None = None) -> int:
    """Writes one table; returns how many rows. Raises JournalError, ConfigurationError."""
    from backend.integrations.journal.export import FORMATS, rows

    if form not in FORMATS:
        raise ConfigurationError(f"no format {form!r}; there are: {', '.join(FORMATS)}")
    return FORMATS[form](rows(path or journal_path(read_settings()), table), out)
