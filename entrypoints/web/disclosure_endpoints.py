"""Uses of the caller's VA tokens by back ends."""

from http import HTTPStatus
from typing import Any, Final, final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from application.use_cases.history.list_disclosures import ListDisclosures
from domain.disclosure import Disclosure
from entrypoints.web.authentication import Authenticator
from entrypoints.web.languages import LanguageCookie, Translate, headers_of, translation
from entrypoints.web.marks import mark_of, text_of
from entrypoints.web.parameters import MalformedParametersError, single_values
from entrypoints.web.routing import get_only
from entrypoints.web.timestamps import rfc3339

USES_PATH: Final = "/api/v1/va/uses"
_AFTER: Final = "after"


@final
class DisclosureEndpoints:
    """Parses the request, runs one use case, and renders the result."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        list_disclosures: ListDisclosures,
        languages: LanguageCookie,
    ) -> None:
        self._authenticator = authenticator
        self._list_disclosures = list_disclosures
        self._languages = languages

    @property
    def routes(self) -> list[BaseRoute]:
        """The route, which needs a session that stands."""
        return [get_only(USES_PATH, self.list)]

    async def list(self, request: Request) -> Response:
        """One page of uses, newest first."""
        valid = await self._authenticator.session(request)
        try:
            text = single_values(request, [_AFTER]).get(_AFTER)
            after = None if text is None else mark_of(text)
        except (MalformedParametersError, ValueError):
            raise HTTPException(HTTPStatus.BAD_REQUEST) from None
        page = await self._list_disclosures.execute(valid.session.user_id, after=after)
        language = self._languages.language(request)
        return JSONResponse(
            {
                "uses": [_shown(each, translation(language)) for each in page.disclosures],
                "next": None if page.next is None else text_of(page.next),
            },
            headers=headers_of(language),
        )


def _shown(disclosure: Disclosure, translate: Translate) -> dict[str, Any]:
    purpose = disclosure.purpose
    return {
        "client": disclosure.client_name,
        "purpose": purpose and purpose.value,
        "in_order_to": purpose and translate(purpose.plain_name),
        "scope": disclosure.scope,
        "used_at": rfc3339(disclosure.mark.occurred_at),
    }
