"""The whole product as processes of its own: the service, and the simulated VA beside it."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from entrypoints.console.acts import SIGN_IN
from entrypoints.sandbox.settings import OPERATORS_BASE, VA_SANDBOX_ISSUER
from tests.support.environment import generated_secrets, plain_environment, write_secrets
from tests.support.processes import HOST, Running, free_port, running


@dataclass(frozen=True, kw_only=True)
class WholeProduct:
    """The running service, and the simulated VA it sends people to.

    Attributes:
        environment: What the service runs with, for commands of its operator.
        console_url: Where the operators' console would be; ``running_console`` starts it.
        service: The service's process.
    """

    url: str
    sandbox_url: str
    console_url: str
    environment: Mapping[str, str]
    service: Running


@contextmanager
def whole_product(folder: Path, database_url: str, **settings: str | int) -> Iterator[WholeProduct]:
    """Run both until the end; the service is its own front end.

    Args:
        folder: An empty one, for secrets and logs.
        database_url: A migrated PostgreSQL.
        settings: Further ones by their names without the prefix, in lower case.
    """
    service_port, sandbox_port, console_port = free_port(), free_port(), free_port()
    service_url, sandbox_url = f"http://{HOST}:{service_port}", f"http://{HOST}:{sandbox_port}"
    va = f"{sandbox_url}/oauth2/veteran-verification/v1"
    operators = f"{sandbox_url}{OPERATORS_BASE}"
    console_url = f"http://{HOST}:{console_port}"
    environment = plain_environment() | {
        "VETASSIST_DATABASE_URL": database_url,
        "VETASSIST_SECRETS_DIR": str(write_secrets(folder / "secrets", generated_secrets())),
        "VETASSIST_PUBLIC_URL": service_url,
        "VETASSIST_FRONTEND_URL": service_url,
        "VETASSIST_VA_CLIENT_ID": "vetassist_e2e",
        "VETASSIST_VA_DISCOVERY_URL": f"{va}/.well-known/openid-configuration",
        "VETASSIST_VA_ISSUER": VA_SANDBOX_ISSUER,
        "VETASSIST_VA_STATUS_URL": f"{sandbox_url}/services/veteran_verification/v2/status",
        "VETASSIST_CONSOLE_PUBLIC_URL": console_url,
        "VETASSIST_CONSOLE_DISCOVERY_URL": f"{operators}/.well-known/openid-configuration",
        "VETASSIST_CONSOLE_ISSUER": operators,
        "VETASSIST_CONSOLE_CLIENT_ID": "vetassist_e2e",
        "VETASSIST_CONSOLE_CLIENT_SECRET": secrets.token_urlsafe(32),
        **{f"VETASSIST_{name.upper()}": str(value) for name, value in settings.items()},
    }
    sandbox = running(
        "sandbox",
        environment=environment,
        log=folder / "sandbox.log",
        ready="/oauth2/veteran-verification/v1/keys",
        port=sandbox_port,
    )
    service = running(
        "serve",
        environment=environment,
        log=folder / "service.log",
        ready="/readyz",
        port=service_port,
    )
    with sandbox, service as process:
        yield WholeProduct(
            url=service_url,
            sandbox_url=sandbox_url,
            console_url=console_url,
            environment=environment,
            service=process,
        )


def running_console(product: WholeProduct, folder: Path) -> AbstractContextManager[Running]:
    """Run the operators' console beside the product.

    Args:
        product: What it stands beside.
        folder: For its log.
    """
    return running(
        "console",
        environment=product.environment,
        log=folder / "console.log",
        ready=SIGN_IN,
        port=urlsplit(product.console_url).port,
    )
