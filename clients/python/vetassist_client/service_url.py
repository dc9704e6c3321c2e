"""The URL of the session service."""

import httpx


def route(service_url: str, path: str) -> httpx.URL:
    """Returns the URL of a route of the service.

    Raises:
        ValueError: The URL isn't the plain http or https URL of a service.
    """
    try:
        url = httpx.URL(service_url.strip())
    except httpx.InvalidURL as error:
        raise ValueError("the service's URL can't be read") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("the service's URL must begin with https:// or http://")
    if url.userinfo or url.query or url.fragment:
        raise ValueError("the service's URL can't have a user, a query or a fragment")
    return url.copy_with(path=url.path.rstrip("/") + path)
