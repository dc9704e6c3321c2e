"""The Veteran-facing pages of the service."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final, final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from entrypoints.web.languages import N_, Language, translation
from entrypoints.web.middleware import page_policy
from entrypoints.web.pages.account_forms import FORM_PATHS
from entrypoints.web.pages.address_script import ADDRESS_SCRIPT, ADDRESS_SCRIPT_SOURCE
from entrypoints.web.pages.explanations import explain
from entrypoints.web.pages.renderer import Renderer, return_path
from entrypoints.web.pages.states import PageState
from entrypoints.web.reference_cookie import ERROR_PAGE, ReferenceCookie

_FOLDER: Final = Path(__file__).parent
_SUCCESS: Final = "/va-success"
_SCRIPTS_NEEDED: Final = "/scripts-needed"


@final
class Pages:
    """Serves the pages that need no session, and the static files."""

    def __init__(self, *, renderer: Renderer, account_routes: Sequence[BaseRoute]) -> None:
        self._renderer = renderer
        self._account_routes = account_routes
        self._reference = ReferenceCookie(secure=renderer.site.is_https)

    @property
    def routes(self) -> list[BaseRoute]:
        """All pages, and the static files under ``/static``."""
        return [
            *self._account_routes,
            Route(ERROR_PAGE, self._show_error, methods=["GET"]),
            Route(_SCRIPTS_NEEDED, self._show_scripts_needed, methods=["GET"]),
            Route("/language/{language:str}", self._choose_language, methods=["GET"]),
            Mount("/static", StaticFiles(directory=_FOLDER / "static"), name="static"),
        ]

    async def _show_error(self, request: Request) -> Response:
        """Why the sign-in failed, in plain words."""
        explanation = explain(request.query_params.getlist("error"))
        reference = None if explanation.code is None else self._reference.read(request)
        return self._renderer.page(
            request, "va_error.html", explanation=explanation, request_id=reference
        )

    async def _show_scripts_needed(self, request: Request) -> Response:
        """Where a page that can do nothing without scripts leads a browser that runs none."""
        translate = translation(self._renderer.language(request))
        return self._renderer.page(
            request,
            "problem.html",
            title=translate(N_("This page needs JavaScript")),
            text=translate(
                N_(
                    "Your browser doesn't run JavaScript, so this page can't show your session. "
                    "Turn on JavaScript and sign in again. If you can't, contact VetAssist support."
                )
            ),
            way_on=translate(N_("Back to the start page")),
            back="/",
        )

    async def _choose_language(self, request: Request) -> Response:
        """Keep the language, and go back."""
        try:
            language = Language(request.path_params["language"])
        except ValueError:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None
        path = self._renderer.site.base + (return_path(request) or "/")
        response = RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)
        self._renderer.language_cookie.set(response, language)
        return response


@final
class ScriptedPages:
    """The pages of a session whose token a script keeps. Scripts ask the API and fill them in."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    @property
    def routes(self) -> list[BaseRoute]:
        """The same pages as those of a session in a cookie."""
        return [
            self._route("/", "start.html"),
            self._route(_SUCCESS, "va_success.html"),
            self._route("/sessions", "sessions.html"),
            self._route("/uses", "uses.html"),
            self._route("/history", "history.html"),
            self._route("/disconnect", "disconnect.html"),
        ]

    def _route(self, path: str, template: str) -> Route:
        async def show(request: Request) -> Response:
            response = self._renderer.page(
                request,
                template,
                state=PageState.LOADING,
                account=None,
                notice=None,
                return_to=None,
                is_scripted=True,
                may_have_lapsed=False,
                fresh_sign_in_needed=False,
                address_script=ADDRESS_SCRIPT,
                **FORM_PATHS,
            )
            if path == _SUCCESS:
                response.headers["Content-Security-Policy"] = page_policy(ADDRESS_SCRIPT_SOURCE)
            return response

        return Route(path, show, methods=["GET"])
