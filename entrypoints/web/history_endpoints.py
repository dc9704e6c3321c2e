"""The history of the caller's account, in plain words."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final, final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from application.use_cases.history.read_history import HistoryPage, ReadHistory, ReadHistoryCommand
from domain.audit_event import AuditEventType
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.audit_words import in_plain_words
from domain.identifiers import UserId
from entrypoints.web.authentication import Authenticator
from entrypoints.web.devices import device_name
from entrypoints.web.history_files import Fields, as_csv, as_json
from entrypoints.web.marks import mark_of, text_of
from entrypoints.web.parameters import MalformedParametersError, single_values
from entrypoints.web.routing import get_only
from entrypoints.web.timestamps import rfc3339

HISTORY_PATH: Final = "/api/v1/history"
EXPORT_PATH: Final = "/api/v1/history/export"

_AFTER: Final = "after"
_FORMAT: Final = "format"
_SESSION_ID: Final = "session_id"
_REASON: Final = "reason"
#: Acts of operators. Their reasons are for other operators.
_OPERATORS_ACTS: Final = frozenset(
    {
        AuditEventType.USER_DISABLED,
        AuditEventType.USER_ENABLED,
        AuditEventType.LOGOUT_BY_OPERATOR,
        AuditEventType.CLIENT_DISABLED,
    }
)
_EXPORT_PAGE: Final = 500
_JSON: Final = "json"
_FILES: Final = {
    _JSON: (as_json, "application/json"),
    "csv": (as_csv, "text/csv; charset=utf-8"),
}


@final
class HistoryEndpoints:
    """Parses the request, runs one use case for the caller, and renders the result."""

    def __init__(self, *, authenticator: Authenticator, read_history: ReadHistory) -> None:
        self._authenticator = authenticator
        self._read_history = read_history

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
        command = ReadHistoryCommand(wanted=_all_of(valid.session.user_id), after=after)
        page = await self._read_history.execute(command)
        return JSONResponse(
            {
                "events": [event_fields(record) for record in page.records],
                "next": None if page.next is None else text_of(page.next),
            }
        )

    async def export(self, request: Request) -> Response:
        """The whole history as a file, newest first."""
        valid = await self._authenticator.session(request)
        name = _parameter(request, _FORMAT) or _JSON
        if name not in _FILES:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        write, media_type = _FILES[name]
        wanted = _all_of(valid.session.user_id)
        # Read before the response starts, so that an outage is still a 503.
        first = await self._page(wanted, None)
        return StreamingResponse(
            write(self._events(wanted, first)),
            media_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="vetassist-history.{name}"'},
        )

    async def _events(self, wanted: AuditFilter, page: HistoryPage) -> AsyncIterator[Fields]:
        while True:
            for record in page.records:
                yield event_fields(record)
            if page.next is None:
                return
            page = await self._page(wanted, page.next)

    async def _page(self, wanted: AuditFilter, after: AuditMark | None) -> HistoryPage:
        return await self._read_history.execute(
            ReadHistoryCommand(wanted=wanted, after=after, page_size=_EXPORT_PAGE)
        )


def _all_of(user_id: UserId) -> AuditFilter:
    # Types of an earlier phase have no words for Veterans.
    return AuditFilter(user_id=user_id, types=frozenset(AuditEventType))


def event_fields(record: AuditRecord) -> Fields:
    """An event, as the Veteran sees it."""
    type_ = AuditEventType(record.type)
    hidden = {_SESSION_ID, _REASON} if type_ in _OPERATORS_ACTS else {_SESSION_ID}
    return {
        "occurred_at": rfc3339(record.mark.occurred_at),
        "type": type_.value,
        "summary": in_plain_words(type_, record.data, client_name=record.client_name),
        "device": None if record.user_agent is None else device_name(record.user_agent),
        "session_id": record.data.get(_SESSION_ID),
        "reference": record.visitor.request_id,
        "details": {name: each for name, each in record.data.items() if name not in hidden},
    }


def _parameter(request: Request, name: str) -> str | None:
    try:
        return single_values(request, [name]).get(name)
    except MalformedParametersError:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None
