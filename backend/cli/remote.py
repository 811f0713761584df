"""Asks a running router over its loopback port."""

from __future__ import annotations

import json
import math
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from backend.cli.statuses import RouterRefused, RouterSilent, RouterUnreachable

if TYPE_CHECKING:
    from backend.api.endpoint import Endpoint

ANSWER_S = 30.0


def ask(
    endpoint: Endpoint, method: str, path: str, *, body: object = None, wait_s: float = 0.0, **query: object
) -> object:
    """The answer's document. Raises RouterRefused with the router's own words, RouterUnreachable when nothing was
    handed over, and RouterSilent when it is not known what the router did."""
    values = {name: value for name, value in query.items() if value is not None}
    if wait_s:
        values["wait"] = math.ceil(wait_s)
    url = f"{endpoint.url}{path}" + (f"?{urlencode(values)}" if values else "")
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, method=method, headers={"Authorization": f"Bearer {endpoint.token}"})  # noqa: S310 - loopback
    try:
        # No proxy, whatever the environment says: the token goes to this machine only.
        with build_opener(ProxyHandler({})).open(request, timeout=ANSWER_S + wait_s) as answer:
            return json.loads(answer.read())
    except HTTPError as error:
        raise _told(error) from None
    except (URLError, OSError, HTTPException, ValueError) as error:
        problem = f"the router (process {endpoint.pid}, port {endpoint.port}) does not answer: {error}"
        if method == "GET" or isinstance(getattr(error, "reason", None), ConnectionRefusedError):
            raise RouterUnreachable(f"{problem}; stop it, or repeat this") from error
        raise RouterSilent(f"{problem}; it may have done what was asked: repeat it with the same id") from error


def _told(error: HTTPError) -> RouterRefused:
    try:
        told = json.loads(error.read())["error"]
        return RouterRefused(str(told["message"]), str(told["code"]))
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return RouterRefused(f"HTTP {error.code}")
