"""A registered client that has a secret."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final
from urllib.parse import quote_plus


@final
@dataclass(frozen=True, slots=True)
class ClientSecret:
    """The secret of ``vetassist client add --secret``, sent by HTTP Basic.

    Attributes:
        client_id: The client id as registered.
        secret: The secret.
    """

    client_id: str
    secret: str = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        """Returns the headers of a request (RFC 6749, section 2.3.1)."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def fields(self) -> Mapping[str, str]:
        """Returns no form fields."""
        return {}
