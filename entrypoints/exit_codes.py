"""The exit codes of the commands."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. The values are part of the contract with scripts.

    The line below each one goes into docs/reference.md.
    """

    DONE = 0
    """The command did what it was asked to do."""
    UNFORESEEN = 1
    """An unforeseen error, or a checkpoint could not be written (`audit seal`)."""
    SETTINGS = 2
    """A setting or an argument is missing, unknown or unusable."""
    SCHEMA = 3
    """The schema is behind, is ahead, or can't be migrated. Or `serve` or `sandbox` can't
    listen."""
    DATABASE = 4
    """The database doesn't answer, refuses, or can't be used (its encoding, a pooler)."""
    DEMO = 5
    """The demo can't start, or a part of it ended."""
    NOT_FOUND = 6
    """There is no such user, session or client, or none that matches."""
    KEYS = 7
    """Data keys are still wrapped under older master keys, or can't be read: keep those keys."""
    AUDIT = 9
    """The audit trail was tampered with. The lines before say where."""
    UNHEALTHY = 10
    """A check of `doctor` failed."""
    DECISION = 11
    """You must decide first: the command shows the users concerned and says between what."""
