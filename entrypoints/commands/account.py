"""The operator who runs a command."""

import os
import pwd


def account_name() -> str:
    """The name of the account of this process, or its number if it has no name."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid-{number}"
