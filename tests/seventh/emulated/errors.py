"""Meridian's error answers."""

from __future__ import annotations

import json

from backend.emulator.dialect import VenueError
from backend.emulator.wire import HTML_TYPE


def _error(status: int, code: str, message: str = "") -> VenueError:
    return VenueError(status, json.dumps({"error": code, "message": message}), definite=True)


ERRORS = {
    "bad_signature": _error(401, "bad_signature"),
    "clock": _error(400, "clock"),
    "bad_order": _error(400, "bad_order"),
    "under_minimum": _error(400, "under_minimum"),
    "no_funds": _error(400, "no_funds"),
    "no_such_market": _error(404, "no_such_market"),
    "no_such_order": VenueError(404, '{"error":"no_such_order"}', definite=False),  # of a look-up, not of a place
    "too_late": _error(400, "too_late"),
    "closed": _error(400, "closed"),
    "429": _error(429, "slow_down"),
    "duplicate": VenueError(400, '{"error":"duplicate"}', definite=False),
    "crashed": VenueError(500, '{"error":"crashed"}', definite=False),
    "html_502": VenueError(502, "<html>502</html>", definite=False, content_type=HTML_TYPE),
}
