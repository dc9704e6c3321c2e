"""The authorization request, the sign-in page, and the way back."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from entrypoints.sandbox.app import create_sandbox
from entrypoints.sandbox.signing import SigningKey
from entrypoints.sandbox.world import World
from tests.unit.entrypoints.sandbox.sandbox_client import (
    AUTHORIZATION,
    BASE,
    REDIRECT_URI,
    SETTINGS,
    SandboxClient,
    query_of,
)


async def test_choosing_a_veteran_returns_a_code_and_the_state(va: SandboxClient) -> None:
    response = await va.decide({"veteran": "tamara-ellis"})

    assert response.status_code == 303
    answer = query_of(response)
    assert answer.keys() == {"code", "state"}
    assert answer["state"] == "the-state"


async def test_declining_returns_access_denied_and_the_state(va: SandboxClient) -> None:
    response = await va.decide({"decline": "yes"})

    assert response.status_code == 303
    answer = query_of(response)
    assert answer["error"] == "access_denied"
    assert answer["error_description"]
    assert answer["state"] == "the-state"
    assert "code" not in answer


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "somebody-else"}, "unauthorized_client"),
        ({"client_id": None}, "unauthorized_client"),
        ({"redirect_uri": "http://localhost:8000/elsewhere"}, "invalid_request"),
        ({"redirect_uri": f"{REDIRECT_URI}/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
    ],
)
async def test_an_unregistered_client_or_redirect_uri_is_never_redirected_to(
    va: SandboxClient, changes: dict[str, str | None], error: str
) -> None:
    response = await va.authorize(**changes)

    assert response.status_code == 400
    assert response.json()["error"] == error


async def test_a_repeated_parameter_is_never_redirected(va: SandboxClient) -> None:
    parameters = httpx.QueryParams(AUTHORIZATION).add("state", "another")

    response = await va.http.get(f"{BASE}/authorization", params=parameters)

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"


async def test_a_missing_state_is_told_to_the_client_without_a_state(va: SandboxClient) -> None:
    answer = query_of(await va.authorize(state=None))

    assert answer == {"error": "invalid_request", "error_description": "State parameter required"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "too-short"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_a_faulty_request_is_told_to_the_client_with_its_state(
    va: SandboxClient, changes: dict[str, str | None], error: str
) -> None:
    answer = query_of(await va.authorize(**changes))

    assert answer["error"] == error
    assert answer["state"] == "the-state"


async def test_a_sign_in_is_decided_once(va: SandboxClient) -> None:
    page = await va.authorize()
    request_id = page.text.split('name="request" value="')[1].split('"')[0]
    form = {"request": request_id, "veteran": "tamara-ellis"}
    first = await va.http.post(f"{BASE}/authorization", data=form)

    second = await va.http.post(f"{BASE}/authorization", data=form)

    assert first.status_code == 303
    assert second.status_code == 400
    assert "This sign-in can&#39;t continue" in second.text


@pytest.mark.parametrize(
    ("faults", "seconds", "status"),
    [
        ({}, 60 * 60, 303),
        ({}, 24 * 60 * 60, 400),
        ({"forget_sign_ins_after_ten_minutes": {}}, 599, 303),
        ({"forget_sign_ins_after_ten_minutes": {}}, 600, 400),
    ],
)
async def test_a_sign_in_page_works_for_a_day_unless_it_is_made_to_forget(
    va: SandboxClient, faults: dict[str, dict[str, object]], seconds: int, status: int
) -> None:
    await va.set_faults(**faults)
    page = await va.authorize()
    request_id = page.text.split('name="request" value="')[1].split('"')[0]
    va.clock.now += seconds

    response = await va.http.post(
        f"{BASE}/authorization", data={"request": request_id, "veteran": "tamara-ellis"}
    )

    assert response.status_code == status


@pytest.mark.parametrize("choice", [{}, {"veteran": "nobody"}, {"veteran": "synthetic-07"}])
async def test_nobody_signs_in_without_being_a_known_identity(
    va: SandboxClient, choice: dict[str, str]
) -> None:
    assert (await va.decide(choice)).status_code == 400


async def test_the_page_offers_every_test_veteran_and_hides_the_synthetic_ones(
    va: SandboxClient,
) -> None:
    page = (await va.authorize()).text

    for shown in ("Tamara E Ellis", "Janet L Moore", "Ralph E Lee", "Jesse Gray"):
        assert shown in page
    assert "1012666182V203559" in page
    assert "NOT_TITLE_38" in page
    assert "Representative without an ICN" in page
    assert "This is not VA.gov" in page
    assert "synthetic" not in page.lower()


async def test_the_page_runs_no_script_and_posts_only_home_and_back_to_the_client(
    va: SandboxClient,
) -> None:
    page = await va.authorize()

    policy = dict(
        directive.strip().split(" ", 1)
        for directive in page.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["form-action"] == "'self' http://localhost:8000"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "<script" not in page.text
    assert "style=" not in page.text


async def test_the_page_lets_the_way_back_lead_through_a_further_origin(
    signing_key: SigningKey,
) -> None:
    settings = replace(SETTINGS, form_destinations=("https://vetassist.ganuda.us",))
    app: Any = create_sandbox(settings, world=World(settings, signing_key=signing_key))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=settings.public_url
    ) as http:
        page = await http.get(f"{BASE}/authorization", params=AUTHORIZATION)

    policy = page.headers["content-security-policy"]
    assert "form-action 'self' http://localhost:8000 https://vetassist.ganuda.us" in policy


async def test_the_front_door_says_where_a_sign_in_begins(va: SandboxClient) -> None:
    page = await va.http.get("/")

    assert page.status_code == 200
    assert "This is not VA.gov" in page.text
    assert "form-action 'none'" in page.headers["content-security-policy"]


async def test_the_page_repeats_nothing_of_a_hostile_state(va: SandboxClient) -> None:
    page = await va.authorize(state='"><script>alert(1)</script>')

    assert page.status_code == 200
    assert "alert(1)" not in page.text


async def test_the_style_sheet_and_the_icon_are_served(va: SandboxClient) -> None:
    for name, kind in (("sandbox.css", "text/css"), ("icon.svg", "image/svg+xml")):
        response = await va.http.get(f"/sandbox/assets/{name}")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(kind)
