"""Scenario files: what they say is what happens, and what is wrong with them is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backend.emulator.faults import Fault, FaultError, FaultKind
from backend.emulator.scenario import fault_from_json, fault_to_json, read_scenario
from backend.emulator.wire import Endpoint

PHASE = {
    "at": 10,
    "length": 30,
    "venue": "kraken",
    "kind": "status",
    "endpoints": ["PLACE"],
    "p": 0.3,
    "params": {"name": "html_502"},
}
FAULT = Fault(FaultKind.STATUS, frozenset({Endpoint.PLACE}), 0.3, 10.0, 30.0, None, {"name": "html_502"})
TOML = """
[[phases]]
at = 10
length = 30
venue = "kraken"
kind = "status"
endpoints = ["PLACE"]
p = 0.3
params = { name = "html_502" }
"""


@pytest.mark.parametrize(("name", "text"), [("s.json", json.dumps({"phases": [PHASE]})), ("s.toml", TOML)])
def test_a_scenario_is_a_list_of_faults_in_time(tmp_path: Path, name: str, text: str) -> None:
    """JSON and TOML say the same."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert read_scenario(path) == [("kraken", FAULT)]


def test_a_fault_survives_json() -> None:
    """What the control API shows can be sent back to it."""
    for fault in (FAULT, Fault(FaultKind.REFUSE), Fault(FaultKind.RESET, count=3)):
        assert fault_from_json(fault_to_json(fault)) == fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not readable"),
        ("[]", "an object is expected"),
        ('{"phases": {}}', "phases must be a list"),
        ('{"phases": [1]}', "phase 1: an object is expected"),
        (json.dumps({"phases": [PHASE, {**PHASE, "venue": 5}]}), "phase 2: venue must be a text"),
        (json.dumps({"phases": [{**PHASE, "kind": "flood"}]}), "phase 1: kind must be one of: refuse"),
        (json.dumps({"phases": [{**PHASE, "endpoints": ["BUY"]}]}), 'phase 1: endpoints must be "all" or a list of'),
        (json.dumps({"phases": [{**PHASE, "at": "ten"}]}), "phase 1: at must be a number"),
        (json.dumps({"phases": [{**PHASE, "at": -1}]}), "phase 1: at must be a number from 0 to"),
        (json.dumps({"phases": [{**PHASE, "start": 1}]}), "phase 1: unknown fields: start; known are: at, count"),
        (json.dumps({"phases": [{**PHASE, "count": 1.5}]}), "phase 1: count must be a whole number"),
        (json.dumps({"phases": [{**PHASE, "params": []}]}), "phase 1: params must be an object"),
        (json.dumps({"phases": [{**PHASE, "duration": 5}]}), "phase 1: unknown fields: duration"),
    ],
)
def test_a_wrong_file_is_told_with_its_phase(tmp_path: Path, text: str, message: str) -> None:
    """The message names the phase and the field."""
    path = tmp_path / "s.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FaultError, match=message):
        read_scenario(path)
