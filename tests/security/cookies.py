"""The cookies of a session, as an answer sets them and as a browser sends them."""

from dataclasses import dataclass
from http.cookies import Morsel, SimpleCookie
from typing import Final

import httpx

from tests.support.product import Browser, Product

RENEW: Final = "/api/v1/session/renew"
REDEEM: Final = "/api/v1/session/redeem"
#: What a page of the front end makes its browser say of where a request comes from.
OUR_PAGE: Final = {"Sec-Fetch-Site": "same-site"}


@dataclass(frozen=True, slots=True)
class Names:
    """What the cookies are called, as the public URL is https or not."""

    is_https: bool

    @classmethod
    def of(cls, product: Product) -> "Names":
        return cls(product.settings.is_public_https)

    @property
    def session(self) -> str:
        return ("__Host-" if self.is_https else "") + "vetassist_session"

    @property
    def refresh(self) -> str:
        return ("__Secure-" if self.is_https else "") + "vetassist_refresh"

    @property
    def handoff(self) -> str:
        return ("__Secure-" if self.is_https else "") + "vetassist_handoff"


def cookies_of(answer: httpx.Response) -> dict[str, Morsel[str]]:
    """The cookies that an answer sets, each at most once.

    The refresh cookie of the first version had another path. Its removal isn't counted.
    """
    morsels = [
        morsel
        for line in answer.headers.get_list("set-cookie")
        for morsel in SimpleCookie(line).values()
        if not ("_refresh" in morsel.key and morsel["path"] == RENEW and not morsel.value)
    ]
    by_name = {morsel.key: morsel for morsel in morsels}
    assert len(by_name) == len(morsels), "a cookie is set twice"
    return by_name


def attributes_of(morsel: Morsel[str]) -> dict[str, object]:
    """All that was said of a cookie but its value."""
    return {name: said for name, said in morsel.items() if said not in {"", None}}


def value_in(browser: Browser, name: str) -> str:
    """What a browser keeps under a name."""
    (value,) = (cookie.value for cookie in browser.http.cookies.jar if cookie.name == name)
    assert value
    return value


async def signed_in_by_cookie(product: Product, veteran: str = "tamara-ellis") -> Browser:
    """A browser that keeps its session in cookies."""
    browser = product.browser()
    await browser.sign_in(veteran)
    return browser
