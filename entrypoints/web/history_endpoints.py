"""The history of the caller's account, in plain words."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final, final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from application.use_cases.history.read_history import (
    HistoryEvent,
    HistoryPage,
    ReadHistory,
    ReadHistoryCommand,
)
from domain.audit_record import AuditMark
from domain.identifiers import UserId
from entrypoints.web.authentication import Authenticator
from entrypoints.web.devices import device_name
from entrypoints.web.history_files import Fields, as_csv, as_json
from entrypoints.web.history_words import in_plain_words
from entrypoints.web.languages import LanguageCookie, Translate, headers_of, translation
from entrypoints.web.marks import mark_of, text_of
from entrypoints.web.parameters import MalformedParametersError, single_values
from entrypoints.web.routing import get_only
from entrypoints.web.timestamps import rfc3339

HISTORY_PATH: Final = "/api/v1/history"
EXPORT_PATH: Final = "/api/v1/history/export"

_AFTER: Final = "after"
_FORMAT: Final = "format"
_EXPORT_PAGE: Final = 500
_JSON: Final = "json"
_FILES: Final = {
    _JSON: (as_json, "application/json"),
    "csv": (as_csv, "text/csv; charset=utf-8"),
}


@final
class HistoryEndpoints:
    """Parses the request, runs one use case for the caller, and renders the result."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        read_history: ReadHistory,
        languages: LanguageCookie,
    ) -> None:
        self._authenticator = authenticator
        self._read_history = read_history
        self._languages = languages

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes, which need a session that stands."""
        return [get_only(HISTORY_PATH, self.list), get_only(EXPORT_PATH, self.export)]

    async def list(self, request: Request) -> Response:
        """One page, newest first."""
        valid = await self._authenticator.session(request)
        text = _parameter(request, _AFTER)
        try:
            after = None if text is None else mark_of(text)
        except ValueError:
            raise HTTPException(HTTPStatus.BAD_REQUEST) from None
        command = ReadHistoryCommand(user_id=valid.session.user_id, after=after)
        page = await self._read_history.execute(command)
        language = self._languages.language(request)
        return JSONResponse(
            {
                "events": [event_fields(event, translation(language)) for event in page.events],
                "next": None if page.next is None else text_of(page.next),
            },
            headers=headers_of(language),
        )

    async def export(self, request: Request) -> Response:
        """The whole history as a file, newest first."""
        valid = await self._authenticator.session(request)
        name = _parameter(request, _FORMAT) or _JSON
        if name not in _FILES:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        write, media_type = _FILES[name]
        user_id = valid.session.user_id
        # Read before the answer begins, so that an outage is still a 503.
        first = await self._page(user_id, None)
        language = self._languages.language(request)
        return StreamingResponse(
            write(self._events(user_id, first, translation(language))),
            media_type=media_type,
            headers={
                "Content-Disposition": f'attachment; filename="vetassist-history.{name}"',
                **headers_of(language),
            },
        )

    async def _events(
        self, user_id: UserId, page: HistoryPage, translate: Translate
    ) -> AsyncIterator[Fields]:
        while True:
            for event in page.events:
                yield event_fields(event, translate)
            if page.next is None:
                return
            page = await self._page(user_id, page.next)

    async def _page(self, user_id: UserId, after: AuditMark | None) -> HistoryPage:
        return await self._read_history.execute(
            ReadHistoryCommand(user_id=user_id, after=after, page_size=_EXPORT_PAGE)
        )


def event_fields(event: HistoryEvent, translate: Translate) -> Fields:
    """Returns one event as JSON, with a sentence that describes it."""
    return {
        "occurred_at": rfc3339(event.occurred_at),
        "type": event.type.value,
        "summary": in_plain_words(
            event.type,
            event.details,
            client_name=event.client_name,
            front_end_name=event.front_end_name,
            translate=translate,
        ),
        "device": None if event.user_agent is None else device_name(event.user_agent, translate),
        "session_id": event.session_id,
        "reference": event.reference,
        "details": dict(event.details),
    }


def _parameter(request: Request, name: str) -> str | None:
    try:
        return single_values(request, [name]).get(name)
    except MalformedParametersError:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None
