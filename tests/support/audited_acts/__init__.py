"""Everything that the audit trail records, each as a short scene that makes it happen.

Each module has the acts of one capability, and importing it fills ``ACTS``.
"""

from tests.support.audited_acts import (
    clients,
    console,
    evidence,
    front_ends,
    operations,
    sessions,
    sign_in,
    va_access,
)
from tests.support.audited_acts.acts import (
    ACTS,
    OF_NO_USER,
    TELLS_NOTHING,
    TOLD_BY_COMMANDS,
    WITHOUT_A_VISITOR,
    Act,
    Scene,
)

__all__ = [
    "ACTS",
    "OF_NO_USER",
    "TELLS_NOTHING",
    "TOLD_BY_COMMANDS",
    "WITHOUT_A_VISITOR",
    "Act",
    "Scene",
    "clients",
    "console",
    "evidence",
    "front_ends",
    "operations",
    "sessions",
    "sign_in",
    "va_access",
]
