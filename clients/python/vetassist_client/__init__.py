"""VetAssist sessions for Python back ends.

``AsyncSessionCheck`` and ``SessionCheck`` ask the session service whether a request has a session
that stands. ``vetassist_client.asgi`` and ``vetassist_client.fastapi`` do so for whole apps and
for single routes. ``AsyncVATokens`` and ``VATokens`` get VA's access token of a signed-in Veteran.
"""

from vetassist_client.client_secret import ClientSecret
from vetassist_client.errors import (
    ClientNotAcceptedError,
    CrossSiteRequestError,
    NoSessionError,
    RequestNotAcceptedError,
    RequestRefusedError,
    ScopeNotGrantedError,
    SessionEndedError,
    SignInNeededError,
    TokenNotAcceptedError,
    UnavailableError,
    VASignInNeededError,
    VetAssistError,
)
from vetassist_client.exchange import ClientCredential, VAToken
from vetassist_client.question import Caller
from vetassist_client.session_check import AsyncSessionCheck, SessionCheck
from vetassist_client.va_tokens import AsyncVATokens, VATokens

__all__ = [
    "AsyncSessionCheck",
    "AsyncVATokens",
    "Caller",
    "ClientCredential",
    "ClientNotAcceptedError",
    "ClientSecret",
    "CrossSiteRequestError",
    "NoSessionError",
    "RequestNotAcceptedError",
    "RequestRefusedError",
    "ScopeNotGrantedError",
    "SessionCheck",
    "SessionEndedError",
    "SignInNeededError",
    "TokenNotAcceptedError",
    "UnavailableError",
    "VASignInNeededError",
    "VAToken",
    "VATokens",
    "VetAssistError",
]
