"""The command ``quantum-trader simulate``: figures, replay, and an exit status that says whether promises held."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from backend.cli.main import app
from backend.cli.simulate import seeds_of


def test_figures_as_json() -> None:
    """Everything that is published stands in one document."""
    result = CliRunner().invoke(app, ["simulate", "--seeds", "0..3", "--processes", "1", "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["seeds"], told["intents"], told["violated_seeds"], told["policy"]) == (3, 120, 0, "ours")
    assert told["sightings"]["router opened"] >= 3
    assert len(told["digest"]) == 64


def test_a_table_for_people() -> None:
    """And what did not happen in so few seeds."""
    result = CliRunner().invoke(app, ["simulate", "--seeds", "1", "--processes", "1", "--intents", "3"])
    assert result.exit_code == 0
    assert "intents executed beyond what was asked for" in result.stdout
    assert "never happened (so few seeds" in result.stdout


def test_a_replay_tells_everything() -> None:
    """Twice the same."""
    runs = [CliRunner().invoke(app, ["simulate", "--replay", "2", "--trace"]) for _ in range(2)]
    assert runs[0].exit_code == 0
    story = [run.stdout.split("policy ours")[0] for run in runs]
    assert story[0] == story[1]
    assert "p1 takes orders" in story[0]


def test_a_broken_promise_is_an_exit_status() -> None:
    """With the seed, the story of the order, and the command that shows it again."""
    result = CliRunner().invoke(
        app, ["simulate", "--seeds", "0..12", "--processes", "1", "--policy", "timeout-means-dead"]
    )
    assert result.exit_code == 1
    assert "S1: " in result.stdout
    assert "quantum-trader simulate --replay" in result.stdout
    assert "--policy timeout-means-dead" in result.stdout


@pytest.mark.parametrize("text", ["", "a..b", "5..5", "9..2", "-1..4"])
def test_seeds_that_are_none(text: str) -> None:
    """The error shows the form."""
    with pytest.raises(typer.BadParameter, match=r"0\.\.2000"):
        seeds_of(text)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--policy", "hope"), "not-found-means-dead"),
        (("--seeds", "many"), "0..2000"),
        (("--trace",), "--replay SEED"),
        (("--replay", "3", "--seeds", "0..5"), "say one of them"),
        (("--replay", "3", "--seeds", "0..100"), "say one of them"),
        (("--replay", "-3"), "--replay"),
        (("--seeds", "0..20000001"), "the largest seed is 10,000,000"),
    ],
    ids=["no policy", "no seeds", "the story of all", "both", "both, one as by default", "below zero", "too many"],
)
def test_words_that_make_no_sense(words: tuple[str, ...], told: str) -> None:
    """Nothing is run: status 2, and the error says what would make sense."""
    result = CliRunner().invoke(app, ["simulate", *words], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_story_as_json() -> None:
    """Is a part of the one document."""
    words = ["simulate", "--replay", "2", "--intents", "2", "--trace", "--json"]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    assert any("p1 takes orders" in line for line in told["trace"])


def test_one_seed() -> None:
    """A number is a range of one."""
    assert list(seeds_of("7")) == [7]
    assert list(seeds_of("0..3")) == [0, 1, 2]
