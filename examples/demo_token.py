"""Signs in to the demo as one of VA's test Veterans, and prints the session's token.

It does what a person does in the browser: it starts the sign-in, fills in the form of the simulated
VA, and goes back with the code. No program can do this at VA.
"""

import os
import re
import sys
from urllib.parse import parse_qsl, urlsplit

import httpx

_WAITING = re.compile(r'name="request" value="([^"]+)"')


def signed_in(service: str, veteran: str) -> str:
    """The JWT of a new session, whatever the delivery is.

    Args:
        service: The URL of the demo's service.
        veteran: A key of the simulated VA's list, such as `tamara-ellis`.
    """
    with httpx.Client(trust_env=False, timeout=20) as browser:
        form_url = _redirected(browser.get(f"{service}/api/v1/va/login"))
        waiting = _WAITING.search(browser.get(form_url).text)
        if waiting is None:
            raise SystemExit("the provider isn't the simulated VA")
        fields = {"request": waiting[1], "veteran": veteran}
        consented = browser.post(urlsplit(form_url)._replace(query="").geturl(), data=fields)
        end = urlsplit(_redirected(browser.get(_redirected(consented))))
        handed = dict(parse_qsl(end.query or end.fragment))
        if "code" in handed:
            code, origin = {"code": handed["code"]}, {"Origin": service}
            redeemed = browser.post(f"{service}/api/v1/session/redeem", json=code, headers=origin)
            handed = redeemed.json()
        cookies = {cookie.name: cookie.value for cookie in browser.cookies.jar}
        token = handed.get("token") or cookies.get("vetassist_session")
        if token is None:
            raise SystemExit(f"the sign-in ended at {end.path}")
        return token


def _redirected(answer: httpx.Response) -> str:
    location: str | None = answer.headers.get("location")
    if location is None:
        raise SystemExit(f"{answer.url.path} answers {answer.status_code}: does the demo run?")
    return location


if __name__ == "__main__":
    url = os.environ.get("VETASSIST_PUBLIC_URL", "http://localhost:8000")
    sys.stdout.write(signed_in(url, sys.argv[1] if len(sys.argv) > 1 else "tamara-ellis") + "\n")
