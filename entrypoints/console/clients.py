"""The back-end clients."""

from http import HTTPStatus
from typing import Final, final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from application.errors import NotFoundError
from application.use_cases.clients.add_client import AddClient, AddClientCommand
from application.use_cases.clients.disable_client import DisableClient, DisableClientCommand
from application.use_cases.clients.list_clients import ListClients
from application.use_cases.clients.retire_client_credential import (
    RetireClientCredential,
    RetireClientCredentialCommand,
)
from application.use_cases.clients.rotate_client_credential import (
    RotateClientCredential,
    RotateClientCredentialCommand,
)
from application.use_cases.console.record_look import ConsolePage, RecordLook
from domain.operator import OperatorRight
from domain.secret import Secret
from domain.service_client import ClientId, ServiceClient, parse_client_id
from domain.va_token_use import TokenPurpose
from entrypoints.console.acts import HOME, Act, change, look
from entrypoints.console.forms import Form
from entrypoints.console.operator_sessions import SignedIn
from entrypoints.console.renderer import ConsoleRenderer

_CLIENTS: Final = "/clients"
_CLIENT: Final = f"{_CLIENTS}/{{client_id}}"


@final
class Clients:
    """Each act runs the use case of a command of the same name."""

    def __init__(
        self,
        *,
        list_clients: ListClients,
        add_client: AddClient,
        rotate: RotateClientCredential,
        retire: RetireClientCredential,
        disable_client: DisableClient,
        scopes: tuple[str, ...],
        record_look: RecordLook,
        renderer: ConsoleRenderer,
    ) -> None:
        self._list_clients = list_clients
        self._add_client = add_client
        self._rotate_credential = rotate
        self._retire_credential = retire
        self._disable_client = disable_client
        self._scopes = scopes
        self._record_look = record_look
        self._renderer = renderer

    @property
    def acts(self) -> list[Act]:
        """Everything about clients."""
        manage = OperatorRight.MANAGE_CLIENTS
        return [
            look(_CLIENTS, self._show),
            change(_CLIENTS, self._add, manage),
            change(f"{_CLIENT}/rotate", self._rotate, manage),
            change(f"{_CLIENT}/retire", self._retire, manage),
            change(f"{_CLIENT}/disable", self._disable, manage),
        ]

    async def _show(self, _request: Request, me: SignedIn, _form: Form) -> Response:
        await self._record_look.execute(ConsolePage.CLIENTS)
        clients = await self._list_clients.execute()
        return self._renderer.page(
            "clients.html", me, clients=clients, purposes=list(TokenPurpose), scopes=self._scopes
        )

    async def _add(self, _request: Request, me: SignedIn, form: Form) -> Response:
        command = AddClientCommand(
            name=form.line("name"),
            purposes=frozenset(each for each in TokenPurpose if form.line(f"purpose.{each.value}")),
            scopes=frozenset(each for each in self._scopes if form.line(f"scope.{each}")),
            public_key=form.text("public_key") or None,
        )
        added = await self._add_client.execute(command)
        return self._credential(me, added.client, added.secret)

    async def _rotate(self, request: Request, me: SignedIn, form: Form) -> Response:
        """Add a public key, or make a secret if none is given."""
        command = RotateClientCredentialCommand(
            client_id=_client_id(request), public_key=form.text("public_key") or None
        )
        rotated = await self._rotate_credential.execute(command)
        return self._credential(me, rotated.client, rotated.secret)

    async def _retire(self, request: Request, _me: SignedIn, _form: Form) -> Response:
        command = RetireClientCredentialCommand(client_id=_client_id(request))
        await self._retire_credential.execute(command)
        return _to_list()

    async def _disable(self, request: Request, _me: SignedIn, form: Form) -> Response:
        command = DisableClientCommand(client_id=_client_id(request), reason=form.reason)
        await self._disable_client.execute(command)
        return _to_list()

    def _credential(self, me: SignedIn, client: ServiceClient, secret: Secret | None) -> Response:
        """What the back end needs to know. The secret is shown this once."""
        return self._renderer.page("credential.html", me, client=client, secret=secret)


def _client_id(request: Request) -> ClientId:
    client_id = parse_client_id(request.path_params["client_id"])
    if client_id is None:
        raise NotFoundError
    return client_id


def _to_list() -> Response:
    return RedirectResponse(HOME + _CLIENTS, HTTPStatus.SEE_OTHER)
