"""The operations of back ends and proxies."""

from typing import Final

from domain.va_token_use import TokenPurpose
from entrypoints.web.api.access import Access
from entrypoints.web.api.parts import BACK_ENDS, JSON, UUID, answer, json_answer, operation
from entrypoints.web.api.responses import without_bodies
from entrypoints.web.session_endpoints import VERIFY_METHODS
from entrypoints.web.token_request import ACCESS_TOKEN, JWT, JWT_BEARER, MAX_BYTES, TOKEN_EXCHANGE


def _refused_token(description: str, *errors: str, headers: JSON | None = None) -> JSON:
    """An error response of the token endpoint."""
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/TokenError"},
            {"properties": {"error": {"enum": list(errors)}}},
        ]
    }
    return answer(
        description,
        headers=_NOT_CACHED | (headers or {}),
        content={"application/json": {"schema": schema}},
    )


_NOT_CACHED: Final[JSON] = {"Pragma": {"required": True, "schema": {"const": "no-cache"}}}
_WAIT: Final[JSON] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
EXCHANGE: Final = operation(
    "exchangeToken",
    "VA's access token for the Veteran's JWT",
    tag=BACK_ENDS,
    description="Token exchange (RFC 8693) for registered back ends. They authenticate by HTTP "
    "Basic, by `client_id` and `client_secret`, or by a signed assertion (RFC 7523). Each use is "
    "audited, and shown to the Veteran.",
    security=[{"clientSecret": []}, {}],
    requestBody={
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "grant_type": {"const": TOKEN_EXCHANGE},
                        "subject_token": {"type": "string", "description": "The Veteran's JWT."},
                        "subject_token_type": {"enum": [JWT, ACCESS_TOKEN]},
                        "requested_token_type": {"const": ACCESS_TOKEN},
                        "purpose": {
                            "enum": [purpose.value for purpose in TokenPurpose],
                            "description": "What the token is for. Our own parameter.",
                        },
                        "scope": {
                            "type": "string",
                            "description": "Separated by spaces. Default: all scopes that the "
                            "client is registered for.",
                        },
                        "audience": {"type": "string", "description": "VA, if present."},
                        "resource": {"type": "string", "description": "The URL of a VA API."},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                        "client_assertion_type": {"const": JWT_BEARER},
                        "client_assertion": {"type": "string"},
                    },
                    "required": ["grant_type", "subject_token", "subject_token_type", "purpose"],
                }
            }
        },
    },
    responses={
        "200": json_answer("A token with enough validity left.", "VAToken", headers=_NOT_CACHED),
        "400": _refused_token(
            "Malformed, or not available: `code` may say why.",
            "invalid_request",
            "unsupported_grant_type",
            "unauthorized_client",
            "invalid_scope",
            "invalid_target",
            "invalid_grant",
        ),
        "401": _refused_token(
            "Client authentication failed.",
            "invalid_client",
            headers={
                "WWW-Authenticate": {
                    "required": True,
                    "schema": {"type": "string", "pattern": "^Basic "},
                }
            },
        ),
        "408": _refused_token("The body took too long to arrive.", "invalid_request"),
        "413": _refused_token(f"The body is longer than {MAX_BYTES} bytes.", "invalid_request"),
        "415": _refused_token("The body is not a form.", "invalid_request"),
        "429": _refused_token(
            "Too many requests from this address were refused.",
            "temporarily_unavailable",
            headers=_WAIT,
        ),
        "503": _refused_token(
            "VA, or our database, does not answer.", "temporarily_unavailable", headers=_WAIT
        ),
    },
)


_OF_FRONT_END: Final = {
    "name": "front_end_id",
    "in": "path",
    "required": True,
    "description": "Only a session of this front end counts.",
    "schema": UUID,
}


def verify(access: Access) -> JSON:
    """A proxy's check by GET. A cookie counts only if it is of the settings' front end."""
    return {"get": _verify("GET", access)}


def verify_own(access: Access) -> JSON:
    """A proxy's check for the sessions of one front end."""
    return {
        "parameters": [_OF_FRONT_END],
        "get": _verify("GET", access, suffix="FrontEnd", method_in_name=False),
    }


def verify_own_at_path(access: Access) -> JSON:
    """The same by the client's own method and path."""
    at_path = verify_at_path(access, suffix="FrontEndAt")
    return at_path | {"parameters": [_OF_FRONT_END, *at_path["parameters"]]}


def verify_at_path(access: Access, *, suffix: str = "At") -> JSON:
    """A proxy's check by the client's own method and path."""
    return {
        "description": "The same, for proxies that use the method and path of the client "
        "(Envoy). The path may have any number of segments, and is ignored.",
        "parameters": [
            {
                "name": "path",
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
            }
        ],
    } | {method.lower(): _verify(method, access, suffix=suffix) for method in VERIFY_METHODS}


def _verify(method: str, access: Access, *, suffix: str = "", method_in_name: bool = True) -> JSON:
    """A proxy's check, by one method."""
    responses = {
        "200": answer(
            "Yes. The headers name the user and the session.",
            headers={
                "X-Auth-User": {"required": True, "schema": UUID},
                "X-Auth-Session": {"required": True, "schema": UUID},
            },
        )
    } | access.unsafe_refusals
    return operation(
        f"verify{suffix}{method.capitalize() if suffix and method_in_name else ''}",
        "Whether to let a request through",
        tag=BACK_ENDS,
        security=access.signed_in,
        parameters=[
            {
                "name": name,
                "in": "header",
                "description": "The method of the client. For a cookie and an unsafe method, "
                "Origin and Sec-Fetch-Site are checked.",
                "schema": {"type": "string"},
            }
            for name in ("X-Forwarded-Method", "X-Original-Method")
        ],
        responses=without_bodies(responses) if method == "HEAD" else responses,
    )
