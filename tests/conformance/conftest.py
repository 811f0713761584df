"""Options and fixtures of the conformance suite."""

from __future__ import annotations

import pytest

from tests.conformance.matrix import Results

WRITE = "--write-matrix"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(WRITE, action="store_true", help="write docs/venues/conformance.md from this run")


@pytest.fixture(scope="session")
def results() -> Results:
    """What every case of this run has shown."""
    return Results()


@pytest.fixture
def writing(request: pytest.FixtureRequest) -> bool:
    """Shall the page be written? The option is known only when pytest is pointed at this folder."""
    return bool(request.config.getoption(WRITE, default=False))
