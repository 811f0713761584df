"""The command line: output, exit codes, and errors that say what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from backend.cli.emulator import parsed_ports
from backend.domain.errors import ConfigurationError
from backend.emulator.registry import KINDS
from backend.policies.routing_tables import EXCHANGES

NOWHERE = {f"QUANTUM_TRADER_VENUES__{venue.upper()}__ENDPOINT": "http://127.0.0.1:9" for venue in EXCHANGES}


def command(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backend", *arguments],
        cwd=cwd,
        env={**os.environ, **NOWHERE, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_health_tells_each_exchange(tmp_path: Path) -> None:
    """With nobody there each exchange is down with its reason, and the exit status says that none is usable."""
    done = command("health", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert set(told) == {"binance", "bybit", "okx", "kucoin", "kraken", "firi"}
    assert told["binance"]["status"] == "down"
    assert "refused" in told["binance"]["last_error"]


def test_chain(tmp_path: Path) -> None:
    """The chains in force, for one exchange or all; an unknown name is a mistake of usage."""
    assert json.loads(command("chain", "firi", "--json", cwd=tmp_path).stdout)["firi"][0] == "firi"
    assert len(command("chain", cwd=tmp_path).stdout.splitlines()) >= 6
    wrong = command("chain", "mtgox", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "'mtgox'" in wrong.stderr


def test_version_and_usage(tmp_path: Path) -> None:
    """The version is told, and a wrong option is a usage error."""
    assert command("version", cwd=tmp_path).stdout.startswith("quantum-trader 0.")
    assert command("demo", "--nonsense", cwd=tmp_path).returncode == 2


def test_missing_books_folder(tmp_path: Path) -> None:
    """A wrong --books folder is one line that says what is expected."""
    done = command("demo", "--books", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 4
    assert "no books.toml there, and none of BINANCE" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def emulating(cwd: Path, *arguments: str) -> Iterator[IO[str]]:
    """The emulator as a program; gives what it prints."""
    running = subprocess.Popen(
        [sys.executable, "-m", "backend", "emulator", "--ports", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    assert running.stdout is not None
    try:
        yield running.stdout
    finally:
        running.terminate()
        running.wait(10)
        running.stdout.close()


def test_emulator_serves_and_announces(tmp_path: Path) -> None:
    """The emulator tells its addresses and keys and answers on them until it is stopped."""
    with emulating(tmp_path) as printed:
        lines = [printed.readline() for _ in range(len(KINDS) + 1)]
        address = lines[0].split()[1]
        environment = {"QUANTUM_TRADER_VENUES__BINANCE__ENDPOINT": address}
        answer = command("health", "binance", "--json", cwd=tmp_path, **environment)
    assert [line.split(":")[0] for line in lines] == [*KINDS, "control"]
    assert json.loads(answer.stdout)["binance"]["status"] == "ok"
    assert answer.returncode == 0


def test_the_emulator_ends_in_order_and_needs_no_reader(tmp_path: Path) -> None:
    """As under ``| head -1``: it serves on, tells its phases to nobody, and a stop is a stop whichever signal asks."""
    file = tmp_path / "s.toml"
    file.write_text(
        '[[phases]]\nvenue = "okx"\nkind = "latency"\nat = 0.3\nparams = { seconds = 0.01 }\n', encoding="utf-8"
    )
    arguments = ("emulator", "--ports", "0", "--venues", "okx", "--scenario", str(file))
    for number in (signal.SIGTERM, signal.SIGINT):
        running = subprocess.Popen(
            [sys.executable, "-m", "backend", *arguments], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        try:
            assert running.stdout is not None
            address = running.stdout.readline().split()[1]
            running.stdout.close()
            time.sleep(1)
            answer = command("health", "okx", cwd=tmp_path, QUANTUM_TRADER_VENUES__OKX__ENDPOINT=address)
            running.send_signal(number)
            assert (answer.returncode, running.wait(10)) == (0, 0)
        finally:
            running.kill()
            running.wait()


def test_the_emulator_in_the_background_of_a_script_ends_when_asked(tmp_path: Path) -> None:
    """A shell without job control lets what it starts there ignore Ctrl-C, and nothing else."""
    line = f"{sys.executable} -m backend emulator --ports 0 --venues okx & echo $!; wait $!; echo ended $?"
    shell = subprocess.Popen(["/bin/sh", "-c", line], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert shell.stdout is not None
    process = int(shell.stdout.readline())
    try:
        while not shell.stdout.readline().startswith("control"):
            pass
        os.kill(process, signal.SIGTERM)
        assert shell.communicate(timeout=10)[0] == "ended 0\n"
    finally:
        shell.kill()


def test_emulator_tells_its_phases(tmp_path: Path) -> None:
    """With --venues only these are there; phases of a scenario are told as they begin, as text or as lines of JSON."""
    file = tmp_path / "s.toml"
    file.write_text(
        '[[phases]]\nvenue = "kraken"\nkind = "storm"\nlength = 5\nparams = { rate = 3 }\n', encoding="utf-8"
    )
    arguments = ("--venues", "kraken", "--scenario", str(file))
    with emulating(tmp_path, *arguments) as printed:
        lines = [printed.readline() for _ in range(3)]
    assert [line.split(":")[0] for line in lines[:2]] == ["kraken", "control"]
    assert lines[2] == "phase 1 at 0 s: kraken storm, rate 3, for 5 s\n"
    with emulating(tmp_path, *arguments, "--json") as printed:
        started, phase = (json.loads(printed.readline()) for _ in range(2))
    assert set(started["venues"]["kraken"]["keys"]) == {"api_key", "secret"}
    assert (phase["event"], phase["venue"], phase["params"]) == ("phase", "kraken", {"rate": 3})


def test_emulator_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    """A wrong scenario or venue is one line and a configuration error, before any port opens."""
    file = tmp_path / "s.json"
    file.write_text('{"phases": [{"venue": "kraken", "kind": "status", "params": {"name": "x"}}]}', encoding="utf-8")
    for arguments, text in (
        (("--scenario", str(file)), "phase 1: name must be one of"),
        (("--scenario", str(tmp_path / "none.json")), "No such file"),
        (("--scenario", str(file), "--venues", "firi"), "phase 1: no such emulated venue: kraken"),
        (("--venues", "mtgox"), "--venues: unknown mtgox"),
        (("--venues", ""), "--venues: no venue is named"),
        (("--venues", "kraken", "--withdrawing", "binance"), "--withdrawing: binance is not served"),
        (("--venues", "kraken", "--ports", "binance=5000"), "--ports: binance is not served"),
        (("--ports", "kraken=5000,binance=5000"), "--ports: 5000 is given twice"),
    ):
        done = command("emulator", "--ports", "0", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (4, "")
        assert text in done.stderr
        assert "Traceback" not in done.stderr


def test_ports() -> None:
    """One first port, or one port each; nonsense is named."""
    fixed = parsed_ports("4100")
    assert fixed.items() >= {"control": 4100, "binance": 4101, "kraken": 4102, "firi": 4103}.items()
    assert len(set(fixed.values())) == len(KINDS) + 1
    assert set(parsed_ports("0").values()) == {0}
    assert parsed_ports("kraken=5000")["kraken"] == 5000
    assert parsed_ports("kraken=0,control=0")["control"] == 0
    assert set(parsed_ports("4100", ["okx"])) == {"control", "okx"}
    wrongs = ("x", "70000", "65535", "mtgox=1", "kraken=x", "kraken=5000,5001", "kraken=1,kraken=2", "kraken=1,okx=1")
    for wrong in wrongs:
        with pytest.raises(ConfigurationError, match="--ports"):
            parsed_ports(wrong)
    with pytest.raises(ConfigurationError, match="kraken is not served"):
        parsed_ports("kraken=5000", ["okx"])


@pytest.mark.parametrize("arguments", [("health",), ("chain",), ("venues",), ("order", "list"), ("serve",)])
def test_a_mistake_in_the_settings_is_told_as_such(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Exit status 4 and the key at fault, whatever was asked; not six exchanges that are down."""
    done = command(*arguments, cwd=tmp_path, QUANTUM_TRADER_VENUES__OKX__ENDPOINT="okx.example")
    assert (done.returncode, done.stdout) == (4, "")
    assert "venues.okx.endpoint" in done.stderr


def test_the_chains_are_those_of_the_allowed_exchanges(tmp_path: Path) -> None:
    """What the settings exclude is in no chain that is in force."""
    done = command("chain", "okx", "--json", cwd=tmp_path, ALLOWED_EXCHANGES="okx,kraken")
    assert set(json.loads(done.stdout)["okx"]) == {"okx", "kraken"}


def test_a_journal_begins_nowhere_by_mistake(tmp_path: Path) -> None:
    """A path whose folder does not exist is refused: a new journal there would know of no order."""
    place = tmp_path / "mistyped" / "journal.sqlite"
    done = command("order", "submit", "buy", "1", "BTC/USDT", cwd=tmp_path, QUANTUM_TRADER_JOURNAL_PATH=str(place))
    assert (done.returncode, "does not exist" in done.stderr) == (4, True)
    assert not place.parent.exists()
