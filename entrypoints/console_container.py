"""The composition root of the console: the service's use cases, and the console in front of them.

It is apart from the service's, so that no process of the service holds any of it.
"""

from contextlib import AbstractAsyncContextManager

from dependency_injector import providers

from adapters.postgres.pool import opened
from adapters.va_oauth.operator_directory import OpenIDOperatorDirectory
from adapters.va_oauth.wire_on_demand import WireOnDemand
from application.ports.operator_directory import OperatorDirectory
from application.use_cases.console.record_look import RecordLook
from application.use_cases.console.show_board import ShowBoard
from application.use_cases.console.sign_in_operator import SignInOperator
from application.use_cases.console.sign_out_operator import SignOutOperator
from entrypoints.building import console as building
from entrypoints.console.acting import operator_at_work
from entrypoints.console.app import console_app
from entrypoints.console.board import BoardPages
from entrypoints.console.clients import Clients
from entrypoints.console.cookies import ConsoleCookies
from entrypoints.console.gate import Gate
from entrypoints.console.operator_sessions import OperatorSessions
from entrypoints.console.people import People
from entrypoints.console.renderer import ConsoleRenderer
from entrypoints.console.sign_in_attempts import SignInAttempts
from entrypoints.console.signing_in import SigningIn
from entrypoints.container import Container
from entrypoints.settings import Settings
from entrypoints.settings_reader import ConsoleSettings

__all__ = ["ConsoleContainer", "console_container"]


class ConsoleContainer(Container):
    """Every object of the console. ``console_container`` makes one."""

    console_settings = providers.Dependency(instance_of=ConsoleSettings)

    operator_directory: providers.Provider[OperatorDirectory] = providers.Singleton(
        OpenIDOperatorDirectory,
        settings=providers.Callable(building.directory_settings, console_settings),
        role_claim=console_settings.provided.console_role_claim,
        wire=providers.Singleton(WireOnDemand),
        clock=Container.clock,
    )
    operator_units = providers.Callable(building.operator_units, Container.unit_of_work.provider)

    # Use cases.
    sign_in_operator = providers.Singleton(
        SignInOperator,
        directory=operator_directory,
        unit_of_work=operator_units,
        clock=Container.clock,
    )
    sign_out_operator = providers.Singleton(
        SignOutOperator, unit_of_work=operator_units, clock=Container.clock
    )
    record_look = providers.Singleton(
        RecordLook, unit_of_work=Container.unit_of_work.provider, clock=Container.clock
    )
    show_board = providers.Singleton(
        ShowBoard,
        figures=Container.service_figures,
        vital_signs=Container.vital_signs,
        clock=Container.clock,
    )

    # The web.
    console_renderer = providers.Singleton(ConsoleRenderer)
    console_cookies = providers.Singleton(ConsoleCookies, secure=console_settings.provided.is_https)
    operator_sessions = providers.Singleton(
        OperatorSessions, secrets=Container.secrets, clock=Container.clock
    )
    gate = providers.Singleton(
        Gate,
        sessions=operator_sessions,
        cookies=console_cookies,
        public_url=console_settings.provided.console_public_url,
    )
    signing_in = providers.Singleton(
        SigningIn,
        directory=operator_directory,
        sign_in_operator=sign_in_operator,
        sign_out_operator=sign_out_operator,
        attempts=providers.Singleton(SignInAttempts, clock=Container.clock),
        sessions=operator_sessions,
        cookies=console_cookies,
        secrets=Container.secrets,
        visitors=Container.visitors,
        renderer=console_renderer,
    )
    people = providers.Singleton(
        People,
        find_users=Container.find_users,
        show_user=Container.show_user,
        end_session=Container.end_session,
        sign_out_user=Container.sign_out_user,
        unlink_user=Container.unlink_user,
        disable_user=Container.disable_user,
        enable_user=Container.enable_user,
        change_icn=Container.change_icn,
        renderer=console_renderer,
    )
    clients = providers.Singleton(
        Clients,
        list_clients=Container.list_clients,
        add_client=Container.add_client,
        rotate=Container.rotate_client_credential,
        retire=Container.retire_client_credential,
        disable_client=Container.disable_client,
        scopes=Container.settings.provided.va_scopes,
        record_look=record_look,
        renderer=console_renderer,
    )
    board = providers.Singleton(
        BoardPages,
        show_board=show_board,
        examine=providers.Callable(building.examiner, Container.patient.provider),
        record_look=record_look,
        renderer=console_renderer,
    )
    #: Everything that a signed-in operator can do.
    acts = providers.Callable(
        building.all_acts,
        people.provided.acts,
        clients.provided.acts,
        board.provided.acts,
        signing_in.provided.acts,
    )

    #: Entered in this order at start, and left in reverse order at stop.
    console_lifetimes: providers.Provider[list[AbstractAsyncContextManager[object]]] = (
        providers.List(
            Container.primary_watch,
            providers.Factory(opened, Container.connection_pool),
            providers.Factory(opened, Container.lookup_pool),
            Container.identity_provider,
            operator_directory,
        )
    )
    app = providers.Singleton(
        console_app,
        gate=gate,
        acts=acts,
        open_routes=signing_in.provided.routes,
        renderer=console_renderer,
        measurements=Container.measurements,
        deadline=Container.request_deadline.provider,
        is_public_https=console_settings.provided.is_https,
        lifetimes=providers.Callable(building.together, console_lifetimes.provider),
    )


def console_container(
    settings: Settings, console_settings: ConsoleSettings, **others: object
) -> ConsoleContainer:
    """A container whose units of work record the operator of the request.

    Args:
        settings: All settings.
        console_settings: Those that the console can't do without.
        others: Providers that take the place of the container's own.
    """
    # Redefined in the class, it would not reach what the service's container has wired already.
    operator = providers.Callable(operator_at_work)
    return ConsoleContainer(
        settings=settings, console_settings=console_settings, operator=operator, **others
    )
