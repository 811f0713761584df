"""Where a running router listens, and the token to talk to it: a file beside the journal, for its user's eyes only."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.domain.errors import ConfigurationError

SUFFIX = ".api.json"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``token`` is a secret of this run; it is never logged."""

    port: int
    token: str
    pid: int

    def __repr__(self) -> str:
        return f"Endpoint(port={self.port}, pid={self.pid})"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def file_of(journal: Path) -> Path:
    """The endpoint file of a journal."""
    return journal.with_name(journal.name + SUFFIX)


def write(journal: Path, endpoint: Endpoint) -> None:
    """Written whole or not at all, readable by its user alone."""
    target = file_of(journal)
    draft = target.with_name(f"{target.name}.{endpoint.pid}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(asdict(endpoint), out)
    draft.replace(target)


def read(journal: Path) -> Endpoint | None:
    """None when no router has written one, or its process has ended. Raises ConfigurationError for one that cannot be
    read."""
    path = file_of(journal)
    try:
        found = Endpoint(**json.loads(path.read_text(encoding="utf-8")))
        os.kill(found.pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:
        raise ConfigurationError(f"{path} belongs to another user: its router can be asked by that user only") from None
    except (OSError, ValueError, TypeError, OverflowError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error}); stop the router, then remove the file") from error
    return found


def remove(journal: Path) -> None:
    """The router has stopped."""
    file_of(journal).unlink(missing_ok=True)
