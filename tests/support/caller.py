"""Somebody who reaches the service over HTTP, as a browser and a back end do."""

import json
import ssl
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Final, Self, final
from urllib.parse import urlsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families

#: Well above what any answer may take, so that only a hang misses it.
PATIENCE_SECONDS: Final = 60
# Made once: a new one for each client would take most of the processor's time.
_TLS: Final = ssl.create_default_context()


class UnexpectedAnswerError(Exception):
    """An answer that the service must not give: its status, or how the sign-in ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What somebody who is signed in has.

    Attributes:
        token: The newest JWT.
        cookies: The browser's, with the refresh token.
    """

    token: str
    cookies: httpx.Cookies

    @property
    def session_id(self) -> str:
        """The session that the JWT belongs to."""
        return self._claim("sid")

    @property
    def token_id(self) -> str:
        """The id of the JWT."""
        return self._claim("jti")

    def _claim(self, name: str) -> str:
        payload = self.token.split(".")[1]
        claim: str = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))[name]
        return claim


@final
class Caller:
    """Calls one service. Each method raises ``httpx.TransportError`` if nobody answers."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = a_browser()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sign_in(self, veteran: str = "tamara-ellis") -> Held | None:
        """A whole sign-in from a new browser, or None where the service said to try again."""
        with a_browser() as browser:
            callback = begin_sign_in(browser, self._url, veteran)
            if callback is None:
                return None
            answer = browser.get(callback)
            end = httpx.URL(answer.headers.get("location", ""))
            if end.params.get("error") == "service_unavailable":
                return None
            if "token" not in end.params:
                raise UnexpectedAnswerError(f"{answer.status_code} {end.path}")
            return Held(token=end.params["token"], cookies=browser.cookies)

    def verify(self, token: str) -> int:
        """The status of the answer to a proxy that asks about this JWT."""
        return self._http.get(f"{self._url}/api/v1/verify", headers=_bearer(token)).status_code

    def renew(self, held: Held) -> Held | None:
        """The session with its next JWT, or None where the service said to try again."""
        with a_browser(held.cookies) as browser:
            answer = browser.post(
                f"{self._url}/api/v1/session/renew", headers={"Origin": self._url}
            )
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return None
        if answer.status_code != httpx.codes.OK:
            raise UnexpectedAnswerError(f"{answer.status_code} to a renewal")
        return Held(token=answer.json()["token"], cookies=answer.cookies)

    def sign_out(self, token: str) -> int:
        """The status of the answer to a sign-out."""
        return self._http.delete(f"{self._url}/api/v1/session", headers=_bearer(token)).status_code


def a_browser(cookies: httpx.Cookies | None = None) -> httpx.Client:
    """A new one, with these cookies."""
    return httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS, cookies=cookies, verify=_TLS)


def begin_sign_in(browser: httpx.Client, url: str, veteran: str = "tamara-ellis") -> str | None:
    """The callback's URL once somebody has consented at the simulated VA.

    None where the service said to try again.
    """
    started = browser.get(f"{url}/api/v1/va/login")
    if started.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return None
    form = browser.get(started.headers["location"])
    waiting = form.text.split('name="request" value="')[1].split('"')[0]
    where = urlsplit(started.headers["location"])._replace(query="").geturl()
    consented = browser.post(where, data={"request": waiting, "veteran": veteran})
    callback: str = consented.headers["location"]
    return callback


def connections_in_use(metrics_url: str) -> float:
    """How many connections to the database a service has lent to its requests."""
    with a_browser() as http:
        text = http.get(metrics_url).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "vetassist_pool_connections_in_use"
    )


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
