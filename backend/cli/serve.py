"""The command ``quantum-trader serve``: a router until it is stopped."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

STOPPING = (signal.SIGTERM, signal.SIGINT)


async def serve(port: int, *, as_json: bool) -> None:
    """Routes until SIGTERM or SIGINT. Then: no new orders, a few seconds for those under way, the rest is left to the
    next start as the journal has it. Raises ConfigurationError for a port that is taken, JournalLocked."""
    from backend.api.endpoint import file_of
    from backend.bootstrap import journal_path, open_runtime, serving

    stopped = asyncio.Event()
    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with open_runtime() as runtime, serving(runtime, port) as endpoint:
        journal = journal_path(runtime.settings)
        _tell(
            {
                "event": "serving",
                "url": endpoint.url,
                "token_file": str(file_of(journal)),
                "journal": str(journal),
            },
            f"serving at {endpoint.url}; its token is in {file_of(journal)}; stop it with Ctrl-C or SIGTERM",
            as_json=as_json,
        )
        await stopped.wait()
        _tell({"event": "stopping"}, "stopping: no new orders", as_json=as_json)
    _tell({"event": "stopped"}, "stopped", as_json=as_json)


def _tell(event: dict[str, object], line: str, *, as_json: bool) -> None:
    sys.stdout.write((json.dumps(event) if as_json else line) + "\n")
    sys.stdout.flush()
