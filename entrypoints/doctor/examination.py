"""Gathers the facts and has each of them judged, within one deadline."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from application.errors import ApplicationError, UnavailableError
from application.ports.seal_keys import SealKeys
from application.ports.vital_signs import Rights, Vitals
from domain.audit_seal import SealedBatch
from entrypoints.doctor.checkpoints import newest_checkpoint
from entrypoints.doctor.checks import (
    check_checkpoints,
    check_clock,
    check_data_keys,
    check_delivery,
    check_key_ages,
    check_key_change,
    check_metrics,
    check_months,
    check_outbox,
    check_provider,
    check_purge,
    check_roles,
    check_schema,
    check_seals,
    check_settings,
)
from entrypoints.doctor.findings import Finding, failed, passed, warned
from entrypoints.settings import SECRETS_DIRECTORY, Settings

#: For everything together.
DEADLINE: Final = timedelta(seconds=25)

_KEYS: Final = (
    "VETASSIST_JWT_SECRET",
    "VETASSIST_TOKEN_KEYS",
    "VETASSIST_AUDIT_KEY",
    "VETASSIST_VA_CLIENT_SECRET",
)
_OF_VITALS: Final = ("clock", "purge", "outbox", "seals", "months", "checkpoints")
_UNSEEN: Final = "the database does not answer, so this was not looked at"
_FIRST: Final = "see to the database first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What can be asked of a service that is set up.

    Attributes:
        pending_migrations: The names of what the schema lacks. Blocks; raises a line that says
            what is wrong with the schema or the database.
        vital_signs: How the store is.
        rights: What this role may do there.
        oldest_passed_by: When the oldest event was added that sealing has passed by.
        seal_keys: What tells true checkpoints from others.
        keys_under_older: How many data keys are under older master keys.
        ask_provider: Has the provider's metadata read.
    """

    settings: Settings
    pending_migrations: Callable[[], Sequence[str]]
    vital_signs: Callable[[], Awaitable[Vitals]]
    rights: Callable[[], Awaitable[Rights]]
    oldest_passed_by: Callable[[], Awaitable[datetime | None]]
    seal_keys: SealKeys
    keys_under_older: Callable[[], Awaitable[int]]
    ask_provider: Callable[[], Awaitable[object]]


class SchemaFaultError(Exception):
    """The schema cannot be looked at, or is none of ours.

    Attributes:
        line: What to tell the operator.
    """

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line


async def examine(patient: Patient, deadline: timedelta = DEADLINE) -> list[Finding]:
    """Everything there is to say; what does not answer within ``deadline`` fails."""
    settings = patient.settings
    findings = [
        *check_settings([]),
        check_delivery(settings),
        check_metrics(settings),
        *check_key_ages(key_ages(os.environ, datetime.now(UTC))),
        check_key_change(settings),
    ]
    examined = await asyncio.gather(
        _in_time("schema", deadline, _schema(patient)),
        _in_time("database", deadline, _database(patient)),
        _in_time("roles", deadline, _roles(patient)),
        _in_time("data keys", deadline, _data_keys(patient)),
        _in_time("VA", deadline, _provider(patient)),
    )
    return [*findings, *(finding for each in examined for finding in each)]


def examine_schema(pending_migrations: Callable[[], Sequence[str]]) -> list[Finding]:
    """What there is to say of the schema alone."""
    try:
        return [check_schema(pending_migrations())]
    except SchemaFaultError as fault:
        return [failed("schema", fault.line, "see docs/deployment.md")]


def key_ages(environment: Mapping[str, str], now: datetime) -> dict[str, timedelta]:
    """How old the keys are that come from files; the environment tells no age."""
    folder = environment.get(SECRETS_DIRECTORY)
    ages = {}
    for name in _KEYS if folder is not None else ():
        if name in environment:
            continue
        with suppress(OSError):
            changed_at = (Path(folder or "") / name).stat().st_mtime
            ages[name] = now - datetime.fromtimestamp(changed_at, UTC)
    return ages


def checkpoint_in_file(settings: Settings, keys: SealKeys) -> tuple[SealedBatch | None, bool]:
    """The newest authentic checkpoint in the file, and whether there is a file here."""
    if settings.audit_checkpoints in {None, "-"}:
        return None, False
    try:
        return newest_checkpoint(Path(str(settings.audit_checkpoints)), keys), True
    except FileNotFoundError:
        return None, False
    except OSError:
        # A directory, say.
        return None, True


async def _in_time(
    check: str, deadline: timedelta, work: Awaitable[list[Finding]]
) -> list[Finding]:
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await work
    except TimeoutError:
        seconds = deadline.total_seconds()
        return [
            failed(check, f"no answer within {seconds:g} s", "see what keeps it from answering")
        ]


async def _schema(patient: Patient) -> list[Finding]:
    return await asyncio.to_thread(examine_schema, patient.pending_migrations)


async def _database(patient: Patient) -> list[Finding]:
    # Before the database is asked: what is told of is sealed by then.
    newest, is_there = await asyncio.to_thread(
        checkpoint_in_file, patient.settings, patient.seal_keys
    )
    asked_at = datetime.now(UTC)
    try:
        vitals = await patient.vital_signs()
        answered_at = datetime.now(UTC)
        seals = await _seals(patient, vitals)
    except UnavailableError:
        return [
            failed(
                "database", "does not answer", "see whether it runs and may be reached from here"
            ),
            *(warned(check, _UNSEEN, _FIRST) for check in _OF_VITALS),
        ]
    except Exception as error:  # noqa: BLE001 - tables that are not there, and the like
        return [
            failed("database", f"refuses ({type(error).__name__})", "see to the schema first"),
        ]
    return [
        passed("database", "answers"),
        check_clock(asked_at, vitals, answered_at),
        check_purge(patient.settings, vitals),
        check_outbox(vitals),
        seals,
        check_months(vitals),
        check_checkpoints(patient.settings, vitals, newest, is_there=is_there),
    ]


async def _seals(patient: Patient, vitals: Vitals) -> Finding:
    try:
        passed_by = await patient.oldest_passed_by()
    except UnavailableError:
        said = "the whole audit trail could not be looked through in time"
        return warned("seals", said, "run `vetassist audit verify`, which takes the time it needs")
    return check_seals(patient.settings, vitals, passed_by)


async def _roles(patient: Patient) -> list[Finding]:
    try:
        return check_roles(await patient.rights())
    except UnavailableError:
        return [warned("roles", _UNSEEN, _FIRST)]
    except Exception as error:  # noqa: BLE001 - tables that are not there, and the like
        said = f"cannot be looked at ({type(error).__name__})"
        return [failed("roles", said, "see to the schema first")]


async def _data_keys(patient: Patient) -> list[Finding]:
    try:
        return [check_data_keys(patient.settings, await patient.keys_under_older())]
    except UnavailableError:
        return [warned("data keys", _UNSEEN, _FIRST)]
    except Exception as error:  # noqa: BLE001 - tables that are not there, and the like
        said = f"cannot be counted ({type(error).__name__})"
        return [failed("data keys", said, "see to the schema first")]


async def _provider(patient: Patient) -> list[Finding]:
    began = datetime.now(UTC)
    fault = None
    try:
        await patient.ask_provider()
    except ApplicationError as error:
        # A code of ours, never a text of the provider's.
        fault = str(error) or error.code
    return [check_provider(fault, datetime.now(UTC) - began)]
