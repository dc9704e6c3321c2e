"""The operating system account that runs a command."""

import os
import pwd


def account_name() -> str:
    """Returns the name of this process's account, or ``uid-`` and its number if it has no name."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid-{number}"
