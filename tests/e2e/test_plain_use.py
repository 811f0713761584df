"""The specified functions from a plain interpreter: straight after import, several loops in one process, no noise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from backend.policies.routing_tables import EXCHANGES

PROGRAM = """
import asyncio, json
from backend.policies.exchange_failover_policy import choose_exchange_with_failover, get_exchange_health, is_healthy
import sys
before = "ccxt" in sys.modules
answers = [asyncio.run(get_exchange_health("binance")) for _ in range(2)]
answers.append(asyncio.run(get_exchange_health("kucoin")))
chosen = asyncio.run(choose_exchange_with_failover("binance"))
print(json.dumps({"before": before, "answers": answers, "chosen": chosen, "healthy": is_healthy(answers[0])}))
"""


def test_health_works_straight_after_import(tmp_path: Path) -> None:
    """With nobody at the address the answers are "down" with a reason, nothing is raised and nothing left unclosed."""
    environment = {
        **os.environ,
        **{f"QUANTUM_TRADER_VENUES__{venue.upper()}__ENDPOINT": "http://127.0.0.1:9" for venue in EXCHANGES},
    }
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", PROGRAM],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["before"] is False
    assert [answer["status"] for answer in told["answers"]] == ["down"] * 3
    assert "refused" in told["answers"][0]["last_error"]
    assert "refused" in told["answers"][2]["last_error"]
    assert (told["chosen"], told["healthy"]) == ("binance", False)
    # Development mode also tells of slow steps: the first adapter loads ccxt.
    noise = [line for line in done.stderr.splitlines() if not line.startswith(('{"message"', "Executing "))]
    assert noise == []


def test_wrong_settings_are_a_reason_to_be_down(tmp_path: Path) -> None:
    """A broken settings file never raises from a health check; the reason names the setting."""
    (tmp_path / "quantum-trader.toml").write_text("[timeouts]\nhealth = 3\n", encoding="utf-8")
    program = (
        "import asyncio; from backend.policies.exchange_failover_policy import get_exchange_health;"
        "print(asyncio.run(get_exchange_health('kraken')))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "timeouts.health" in done.stdout
    assert "did you mean health_s?" in done.stdout
