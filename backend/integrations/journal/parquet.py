"""The journal's tables as Parquet files. pyarrow is an extra of the installation: a router does not need it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from backend.domain.errors import ConfigurationError
from backend.integrations.journal.export import columns, rows

ROWS_PER_GROUP = 10_000
"""So many rows are in memory at a time."""

SECONDS = frozenset({"created_at", "valid_until", "ended_at", "opened_at", "closed_at", "cancel_requested_at", "at"})
COUNTS = frozenset({"number", "leg", "lookups", "provisional", "seq"})


def write_parquet(journal: Path, table: str, out: Path) -> int:
    """Times are doubles, numbers integers, and all else is text: amounts are exact to the digit. Returns the number of
    rows. Raises ConfigurationError without the extra or when ``out`` cannot be written, JournalError."""
    arrow, writer_of = _library()
    names = columns(journal, table)
    schema = arrow.schema([(name, _kind(arrow, name)) for name in names])
    source, count = rows(journal, table), 0
    try:
        with writer_of(str(out), schema) as writer:
            while group := list(islice(source, ROWS_PER_GROUP)):
                writer.write_batch(arrow.RecordBatch.from_pylist(group, schema=schema))
                count += len(group)
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error}") from error
    return count


def _kind(arrow: Any, column: str) -> Any:
    if column in SECONDS:
        return arrow.float64()
    return arrow.int64() if column in COUNTS else arrow.string()


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow as arrow  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "the format parquet needs pyarrow: install it with `pip install 'quantum-trader[parquet]'`"
        ) from error
    return arrow, parquet.ParquetWriter
