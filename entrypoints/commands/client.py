"""`vetassist client`."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from entrypoints.commands.parameters import (
    AsJSON,
    ClientIdArgument,
    Reason,
    clean_text,
    clean_texts,
    text_of,
)
from entrypoints.commands.strict import StrictTyper
from entrypoints.starting import EXIT_NOT_FOUND, EXIT_SETTINGS, fail, print_on_stderr

if TYPE_CHECKING:
    from domain.secret import Secret
    from domain.service_client import ClientId, ServiceClient
    from entrypoints.container import Container

_T = TypeVar("_T")

app = StrictTyper(help="Manage back-end clients.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(callback=clean_text, help="The name that Veterans see.")],
    purpose: Annotated[
        list[str], typer.Option(callback=clean_texts, help="What it may use VA's tokens for.")
    ],
    scope: Annotated[
        list[str], typer.Option(callback=clean_texts, help="A VA scope that it may ask for.")
    ],
    *,
    public_key: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Its public key: PEM or a JWK."),
    ] = None,
    secret: Annotated[
        bool, typer.Option("--secret", help="Generate a secret instead, and show it once.")
    ] = False,
) -> None:
    """Register a back end. It authenticates with its own key, or with a secret from us."""
    from application.use_cases.clients.add_client import AddClientCommand
    from domain.va_token_use import TokenPurpose

    if (public_key is None) is not secret:
        fail(["give either --public-key or --secret"], EXIT_SETTINGS)
    unknown = set(purpose) - set(TokenPurpose)
    if unknown:
        names = ", ".join(each.value for each in TokenPurpose)
        fail([f"--purpose must be one of: {names}"], EXIT_SETTINGS)
    command = AddClientCommand(
        name=name,
        purposes=frozenset(TokenPurpose(each) for each in purpose),
        scopes=frozenset(scope),
        public_key=None if public_key is None else text_of(public_key),
    )
    added = _run_for_client(lambda container: container.add_client().execute(command))
    typer.echo(f"client_id: {added.client.id}")
    _print_credential(added.client, added.secret)


@app.command("rotate-secret")
def rotate_secret(client_id: ClientIdArgument) -> None:
    """Generate a new secret, and show it once. The previous one stays valid for now."""
    _rotate(client_id, None)


@app.command("rotate-key")
def rotate_key(
    client_id: ClientIdArgument,
    public_key: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The new public key: PEM or a JWK.")
    ],
) -> None:
    """Add a new public key. The previous one stays valid for now."""
    _rotate(client_id, text_of(public_key))


@app.command()
def retire(client_id: ClientIdArgument) -> None:
    """Refuse all but the newest secret or key, from the next request on."""
    from application.use_cases.clients.retire_client_credential import RetireClientCredentialCommand

    command = RetireClientCredentialCommand(client_id=_known_id(client_id))
    changed = _run_for_client(
        lambda container: container.retire_client_credential().execute(command)
    )
    typer.echo("Only the newest one is good." if changed else "There was no other one.")


@app.command("list")
def list_all(*, as_json: AsJSON = False) -> None:
    """Show every registered back end, including disabled ones."""
    from entrypoints.commands.client_listing import as_json_text, print_table
    from entrypoints.commands.running import run

    clients = run(lambda container: container.list_clients().execute())
    if as_json:
        typer.echo(as_json_text(clients))
    else:
        print_table(clients)


@app.command()
def disable(client_id: ClientIdArgument, reason: Reason) -> None:
    """Disable a back end for good, from its next request on."""
    from application.use_cases.clients.disable_client import DisableClientCommand

    command = DisableClientCommand(client_id=_known_id(client_id), reason=reason)
    changed = _run_for_client(lambda container: container.disable_client().execute(command))
    typer.echo("The client is disabled." if changed else "The client was disabled before.")


def _rotate(client_id: str, public_key: str | None) -> None:
    from application.use_cases.clients.rotate_client_credential import RotateClientCredentialCommand

    command = RotateClientCredentialCommand(client_id=_known_id(client_id), public_key=public_key)
    rotated = _run_for_client(
        lambda container: container.rotate_client_credential().execute(command)
    )
    _print_credential(rotated.client, rotated.secret)


def _print_credential(client: "ServiceClient", secret: "Secret | None") -> None:
    """Print what the back end needs to know about its newest credential."""
    if secret is not None:
        typer.echo(f"client_secret: {secret.reveal()}")
        print_on_stderr("the secret is shown this once: keep it where the back end reads it")
    for key in client.keys[:1]:
        typer.echo(f"kid: {key.id}")
        typer.echo(f"alg: {key.algorithm.value}")


def _known_id(text: str) -> "ClientId":
    from domain.service_client import parse_client_id

    client_id = parse_client_id(text)
    if client_id is None:
        fail(["there is no such client"], EXIT_NOT_FOUND)
    return client_id


def _run_for_client(work: "Callable[[Container], Coroutine[object, object, _T]]") -> _T:
    """Run a use case, and exit if the client doesn't exist or can't be changed like this."""
    from application.errors import NotFoundError
    from domain.errors import InvalidServiceClientError
    from entrypoints.commands.running import run

    try:
        return run(work)
    except NotFoundError:
        fail(["there is no such client"], EXIT_NOT_FOUND)
    except InvalidServiceClientError as error:
        fail([str(error)], EXIT_SETTINGS)
