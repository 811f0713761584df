"""Settings from defaults < file < environment. Only bootstrap calls this; secrets are never echoed.

The file is ``quantum-trader.toml`` in the working directory, or what QUANTUM_TRADER_CONFIG names. Environment variables
begin with QUANTUM_TRADER_ and join levels with two underscores: QUANTUM_TRADER_VENUES__KRAKEN__API_KEY. With the suffix
_FILE the value is read from the named file. DEFAULT_EXCHANGE and ALLOWED_EXCHANGES are read without the prefix.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from backend.config.model import Limits, PaperSettings, Settings, Timeouts, VenueSettings
from backend.domain.errors import ConfigurationError
from backend.domain.orders import Credentials
from backend.domain.records import Equivalent

PREFIX = "QUANTUM_TRADER_"
FILE_NAME = "quantum-trader.toml"
FILE_SUFFIX = "_FILE"
SECRET_CHARACTERS_MAX = 16_384
UNPREFIXED = ("DEFAULT_EXCHANGE", "ALLOWED_EXCHANGES")

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
PositiveDecimal = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Tree = dict[str, object]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Venue(_Part):
    api_key: SecretStr = SecretStr("")
    secret: SecretStr = SecretStr("")
    client_id: SecretStr = SecretStr("")
    passphrase: SecretStr = SecretStr("")
    account: str = "main"
    endpoint: str | None = None

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        parts = None if value is None else urlsplit(value)
        if parts is not None and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")):
            raise ValueError("is not an address like http://127.0.0.1:4101")
        return value


class _Limits(_Part):
    per_order: PositiveDecimal = Limits().per_order
    per_exchange: PositiveDecimal = Limits().per_exchange
    per_venue: dict[str, PositiveDecimal] = {}


class _Timeouts(_Part):
    health_s: Positive = Timeouts().health_s
    degraded_after_s: Positive = Timeouts().degraded_after_s
    read_s: Positive = Timeouts().read_s
    place_s: Positive = Timeouts().place_s
    cancel_s: Positive = Timeouts().cancel_s
    send_window_s: Positive = Timeouts().send_window_s
    lookup_window_s: Positive = Timeouts().lookup_window_s
    health_max_age_s: Positive = Timeouts().health_max_age_s
    retry_after_all_down_s: Positive = Timeouts().retry_after_all_down_s


class _Equivalent(_Part):
    symbol: str
    rate: PositiveDecimal


class _Paper(_Part):
    balances: dict[str, NotNegative] | None = None


class _File(_Part):
    default_exchange: str = "binance"
    allowed_exchanges: list[str] = []
    journal_path: str | None = None
    timeouts: _Timeouts = _Timeouts()
    limits: _Limits = _Limits()
    venues: dict[str, _Venue] = {}
    equivalents: dict[str, list[_Equivalent]] = {}
    paper: _Paper = _Paper()


def load_settings(environ: Mapping[str, str], directory: Path) -> Settings:
    """The settings. Raises ConfigurationError that names the key and the reason, never a secret's value."""
    tree = _from_file(environ, directory)
    for key, value in _from_environment(environ):
        _put(tree, key, value)
    try:
        loaded = _File.model_validate(tree)
    except ValidationError as error:
        raise ConfigurationError(_explained(error)) from None
    return _frozen(loaded)


def _from_file(environ: Mapping[str, str], directory: Path) -> Tree:
    named = environ.get(f"{PREFIX}CONFIG")
    path = Path(named) if named else directory / FILE_NAME
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        if named:
            raise ConfigurationError(f"{PREFIX}CONFIG names {path}, which does not exist") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read as TOML: {error}") from None


def _from_environment(environ: Mapping[str, str]) -> list[tuple[list[str], object]]:
    """Key paths and values, sorted so that the same environment always loads the same way."""
    found: list[tuple[list[str], object]] = []
    for name in sorted(environ):
        if name == f"{PREFIX}CONFIG" or not (name.startswith(PREFIX) or name in UNPREFIXED):
            continue
        key, value = name.removeprefix(PREFIX), environ[name]
        if key.endswith(FILE_SUFFIX):
            key, value = key.removesuffix(FILE_SUFFIX), _secret_file(name, value)
        path = [_key(part) for part in key.split("__")]
        found.append((path, _names(value) if path == ["allowed_exchanges"] else value))
    return found


def _key(part: str) -> str:
    """Setting names are lower case; a market's name (BTC/USDT) keeps its case."""
    return part if "/" in part else part.lower()


def _names(value: str) -> list[str]:
    return [name.strip().lower() for name in value.split(",") if name.strip()]


def _secret_file(name: str, value: str) -> str:
    try:
        text = Path(value).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name} names a file that cannot be read: {error}") from None
    if len(text) > SECRET_CHARACTERS_MAX:
        raise ConfigurationError(f"{name} names a file of more than {SECRET_CHARACTERS_MAX} characters")
    return text.strip()


def _put(tree: Tree, path: list[str], value: object) -> None:
    *parents, last = path
    for parent in parents:
        below = tree.setdefault(parent, {})
        if not isinstance(below, dict):
            raise ConfigurationError(f"setting {'.'.join(path)}: {parent} is a value, not a section")
        tree = below
    tree[last] = value


def _explained(error: ValidationError) -> str:
    """One line a fault: the key, the reason, the nearest valid key. Values are left out: they may be secrets."""
    lines = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        key = ".".join(str(part) for part in fault["loc"])
        near = difflib.get_close_matches(str(fault["loc"][-1]), _valid_keys(), n=1)
        hint = f" (did you mean {near[0]}?)" if fault["type"] == "extra_forbidden" and near else ""
        lines.append(f"setting {key}: {fault['msg']}{hint}")
    return "; ".join(lines)


def _valid_keys() -> list[str]:
    models: tuple[type[BaseModel], ...] = (_File, _Timeouts, _Limits, _Venue, _Equivalent, _Paper)
    return sorted({name for model in models for name in model.model_fields})


def _frozen(loaded: _File) -> Settings:
    limits = loaded.limits
    return Settings(
        default_exchange=loaded.default_exchange.strip().lower(),
        allowed_exchanges=tuple(loaded.allowed_exchanges),
        journal_path=loaded.journal_path,
        timeouts=Timeouts(**loaded.timeouts.model_dump()),
        limits=Limits(limits.per_order, limits.per_exchange, limits.per_venue),
        venues={name: _venue(venue) for name, venue in loaded.venues.items()},
        equivalents={
            symbol: tuple(Equivalent(item.symbol, item.rate) for item in items)
            for symbol, items in loaded.equivalents.items()
        },
        paper=_paper(loaded.paper),
    )


def _paper(paper: _Paper) -> PaperSettings:
    """Assets are upper case, however the environment wrote them."""
    if paper.balances is None:
        return PaperSettings()
    return PaperSettings({asset.upper(): amount for asset, amount in paper.balances.items()})


def _venue(venue: _Venue) -> VenueSettings:
    extra = {"client_id": venue.client_id.get_secret_value(), "passphrase": venue.passphrase.get_secret_value()}
    credentials = Credentials(
        api_key=venue.api_key.get_secret_value(),
        secret=venue.secret.get_secret_value(),
        extra={name: value for name, value in extra.items() if value},
    )
    return VenueSettings(credentials=credentials, account=venue.account, endpoint=venue.endpoint)
