"""The credential that a client gets: a new secret, or a public key that its operator brings."""

from application.ports.client_assertions import ClientAssertions
from application.ports.secret_source import SecretSource
from domain.secret import Secret
from domain.service_client import ClientKey


def new_credential(
    public_key: str | None, *, secrets: SecretSource, assertions: ClientAssertions
) -> ClientKey | Secret:
    """Returns the key in the text of a file, or a new secret if there is no text.

    Raises:
        InvalidServiceClientError: The text isn't a public key that can be used.
    """
    return secrets.token() if public_key is None else assertions.read_key(public_key)


def secret_of(credential: ClientKey | Secret) -> Secret | None:
    """Returns the credential if it's a secret, which is shown once."""
    return credential if isinstance(credential, Secret) else None
