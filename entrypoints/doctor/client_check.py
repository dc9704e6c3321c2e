"""Whether VA accepts this service as its client."""

from enum import Enum, auto

from entrypoints.doctor.findings import Finding, failed, passed, warned


class ClientVerdict(Enum):
    """What VA's answer says about our client credentials."""

    ACCEPTED = auto()
    REFUSED = auto()
    UNKNOWN = auto()


def check_client(verdict: ClientVerdict, reason: str = "") -> Finding:
    """Whether VA accepts the client ID and the secret. ``reason`` says why that isn't known."""
    name = "VA client"
    if verdict is ClientVerdict.ACCEPTED:
        return passed(name, "VA accepts the client ID and the secret")
    if verdict is ClientVerdict.REFUSED:
        return failed(
            name,
            "VA doesn't accept the client ID or the secret: no user can sign in",
            "correct VETASSIST_VA_CLIENT_ID or VETASSIST_VA_CLIENT_SECRET, as VA gave them",
        )
    return warned(
        name,
        f"VA's answer doesn't say whether it accepts the client ID and the secret ({reason})",
        "sign in once to find out",
    )
