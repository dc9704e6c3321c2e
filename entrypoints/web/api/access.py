"""How operations on a session are authorized."""

from dataclasses import dataclass

from entrypoints.web.api.parts import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What an operation accepts as a credential, and how it refuses others.

    Attributes:
        signed_in: The credentials of a session.
        refusals: The responses to other credentials.
        unsafe_refusals: The same for methods that change something.
    """

    signed_in: list[JSON]
    refusals: JSON
    unsafe_refusals: JSON
