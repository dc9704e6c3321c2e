"""A client of the simulated VA that speaks plain HTTP, as the service does."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from entrypoints.sandbox.settings import SandboxSettings
from entrypoints.sandbox.world import World

BASE = "/oauth2/veteran-verification/v1"
STATUS = "/services/veteran_verification/v2/status"
REDIRECT_URI = "http://localhost:8000/api/v1/va/callback"
# The example of RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SETTINGS = SandboxSettings(
    client_id="vetassist", client_secret="a-secret", redirect_uris=(REDIRECT_URI,)
)
AUTHORIZATION = {
    "client_id": SETTINGS.client_id,
    "redirect_uri": REDIRECT_URI,
    "response_type": "code",
    "state": "the-state",
    "scope": "openid profile offline_access veteran_status.read",
    "nonce": "the-nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@dataclass
class Clock:
    """Time that passes only when told to."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class SandboxClient:
    """The registered client, with its browser."""

    http: httpx.AsyncClient
    world: World
    clock: Clock

    async def authorize(self, **changes: str | None) -> httpx.Response:
        return await self.http.get(f"{BASE}/authorization", params=_changed(AUTHORIZATION, changes))

    async def decide(self, choice: dict[str, str], **changes: str | None) -> httpx.Response:
        page = await self.authorize(**changes)
        assert page.status_code == 200, page.text
        request_id = page.text.split('name="request" value="')[1].split('"')[0]
        return await self.http.post(f"{BASE}/authorization", data={"request": request_id, **choice})

    async def obtain_code(self, veteran: str = "tamara-ellis", **changes: str | None) -> str:
        return query_of(await self.decide({"veteran": veteran}, **changes))["code"]

    async def exchange(self, code: str, /, **changes: str | None) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
        return await self.post("/token", **_changed(form, changes))

    async def sign_in(self, veteran: str = "tamara-ellis", **changes: str | None) -> dict[str, Any]:
        response = await self.exchange(await self.obtain_code(veteran, **changes))
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens

    async def refresh(self, refresh_token: str, **changes: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self.post("/token", **(form | changes))

    async def post(self, path: str, **form: str) -> httpx.Response:
        credentials = (SETTINGS.client_id, SETTINGS.client_secret)
        return await self.http.post(f"{BASE}{path}", data=form, auth=credentials)

    async def userinfo(self, access_token: str) -> httpx.Response:
        return await self.http.get(f"{BASE}/userinfo", headers=_bearer(access_token))

    async def status(self, access_token: str) -> httpx.Response:
        return await self.http.get(STATUS, headers=_bearer(access_token))

    async def set_faults(self, **plan: Mapping[str, Any]) -> None:
        response = await self.http.put("/sandbox/faults", json=plan)
        assert response.status_code == 200, response.text

    async def counters(self) -> dict[str, Any]:
        counters: dict[str, Any] = (await self.http.get("/sandbox/counters")).json()
        return counters


def query_of(response: httpx.Response) -> dict[str, str]:
    """The query a redirect carries back to the client."""
    assert response.is_redirect, response.text
    location = response.headers["location"]
    assert location.startswith(f"{REDIRECT_URI}?")
    return dict(parse_qsl(urlsplit(location).query, strict_parsing=True))


def segment(token: str, index: int) -> dict[str, Any]:
    """Header (0) or claims (1) of a JWS, unverified."""
    encoded = token.split(".")[index]
    document: dict[str, Any] = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return document


def _changed(fields: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    merged = fields | changes
    return {name: value for name, value in merged.items() if value is not None}


def _bearer(access_token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token}"}
