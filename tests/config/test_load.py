"""Settings: precedence, secrets from files, and errors that name the key but never a secret."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from backend.bootstrap import checked, journal_path
from backend.config import Settings
from backend.config.load import load_settings
from backend.domain.errors import ConfigurationError, UnknownExchange
from backend.domain.records import Equivalent

FILE = """
default_exchange = "Kraken"
allowed_exchanges = ["kraken", "firi"]
journal_path = "orders.sqlite"

[timeouts]
health_s = 2.5

[limits]
per_order = "50"
per_venue = { firi = "10" }

[venues.kraken]
api_key = "from-file"

[equivalents]
"BTC/USD" = [{ symbol = "BTC/NOK", rate = "10.5" }]
"""


def test_defaults(tmp_path: Path) -> None:
    """Nothing set: everything has a default."""
    assert load_settings({}, tmp_path) == Settings()


def test_paper_starts_with_what_is_named(tmp_path: Path) -> None:
    """Some money of each usual currency and no coin; named amounts replace them all, in exact numbers."""
    assert Settings().paper.balances["USDT"] == Decimal(100_000)
    assert "BTC" not in Settings().paper.balances
    settings = load_settings({"QUANTUM_TRADER_PAPER__BALANCES__BTC": "0.1"}, tmp_path)
    assert settings.paper.balances == {"BTC": Decimal("0.1")}
    with pytest.raises(ConfigurationError, match=r"paper\.balances\.usdt"):
        load_settings({"QUANTUM_TRADER_PAPER__BALANCES__USDT": "-1"}, tmp_path)


def test_a_file_and_above_it_the_environment(tmp_path: Path) -> None:
    """The file changes defaults, the environment changes the file, exact amounts stay exact."""
    (tmp_path / "quantum-trader.toml").write_text(FILE)
    settings = load_settings({}, tmp_path)
    assert (settings.default_exchange, settings.allowed_exchanges) == ("kraken", ("kraken", "firi"))
    assert (settings.timeouts.health_s, settings.limits.per_order) == (2.5, Decimal(50))
    assert settings.limits.of_venue("firi") == Decimal(10)
    assert settings.venue("kraken").credentials.api_key == "from-file"
    assert settings.equivalents["BTC/USD"] == (Equivalent("BTC/NOK", Decimal("10.5")),)
    environment = {
        "DEFAULT_EXCHANGE": "firi",
        "ALLOWED_EXCHANGES": "firi, Kraken",
        "QUANTUM_TRADER_TIMEOUTS__HEALTH_S": "4",
        "QUANTUM_TRADER_VENUES__KRAKEN__API_KEY": "from-environment",
        "UNRELATED": "x",
    }
    above = load_settings(environment, tmp_path)
    assert (above.default_exchange, above.allowed_exchanges) == ("firi", ("firi", "kraken"))
    assert above.timeouts.health_s == 4
    assert above.venue("kraken").credentials.api_key == "from-environment"


def test_secrets_from_files(tmp_path: Path) -> None:
    """A name with _FILE reads the value, without its line end."""
    (tmp_path / "key").write_text("from-a-file\n")
    settings = load_settings({"QUANTUM_TRADER_VENUES__FIRI__SECRET_FILE": str(tmp_path / "key")}, tmp_path)
    assert settings.venue("firi").credentials.secret == "from-a-file"
    with pytest.raises(ConfigurationError, match="SECRET_FILE"):
        load_settings({"QUANTUM_TRADER_VENUES__FIRI__SECRET_FILE": str(tmp_path / "none")}, tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[timeouts]\nhealth = 3", "timeouts.health.*did you mean health_s"),
        ("[timeouts]\nhealth_s = -1", "timeouts.health_s.*greater than 0"),
        ('[limits]\nper_order = "NaN"', "limits.per_order"),
        ("default_exchange = 3", "default_exchange"),
        ("not toml", "cannot be read as TOML"),
    ],
)
def test_errors_name_the_key(tmp_path: Path, text: str, complaint: str) -> None:
    """What is wrong, where, and the nearest valid key."""
    (tmp_path / "quantum-trader.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        load_settings({}, tmp_path)


def test_errors_never_show_a_secret(tmp_path: Path) -> None:
    """A secret in the wrong place is refused without being printed."""
    (tmp_path / "quantum-trader.toml").write_text('[venues.kraken]\nsecrets = "canary"\nsecret = ["canary"]')
    with pytest.raises(ConfigurationError) as refused:
        load_settings({}, tmp_path)
    assert "canary" not in str(refused.value)
    assert "venues.kraken.secret" in str(refused.value)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """QUANTUM_TRADER_CONFIG is a promise; a missing default file is not."""
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_settings({"QUANTUM_TRADER_CONFIG": str(tmp_path / "none.toml")}, tmp_path)


def test_unknown_exchanges_are_refused() -> None:
    """A name that is no exchange is refused wherever it stands."""
    for wrong in (Settings(default_exchange="mtgox"), Settings(allowed_exchanges=("kraken", "mtgox"))):
        with pytest.raises(UnknownExchange):
            checked(wrong)


def test_the_journal_has_a_place() -> None:
    """The setting, or the user's data directory."""
    assert journal_path(Settings(journal_path="x/y.sqlite")) == Path("x/y.sqlite")
    assert journal_path(Settings()).name == "journal.sqlite"


def test_what_only_some_venues_ask_for(tmp_path: Path) -> None:
    """A passphrase and a client id are found by name, and shown by nothing."""
    environ = {"QUANTUM_TRADER_VENUES__OKX__PASSPHRASE": "p-visible", "QUANTUM_TRADER_VENUES__FIRI__CLIENT_ID": "c-7"}
    settings = load_settings(environ, tmp_path)
    assert settings.venue("okx").credentials.value("passphrase") == "p-visible"
    assert settings.venue("firi").credentials.value("client_id") == "c-7"
    assert "visible" not in repr(settings)
