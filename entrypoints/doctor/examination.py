"""Gathers facts and checks each of them, within one deadline."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from application.errors import (
    ApplicationError,
    ClientRejectedByProviderError,
    UnavailableError,
)
from application.ports.readiness import ReadinessCheck
from application.ports.seal_keys import SealKeys
from application.ports.vital_signs import Rights, Vitals
from domain.audit_seal import SealedBatch
from entrypoints.doctor.checkpoints import newest_checkpoint
from entrypoints.doctor.checks import (
    check_checkpoints,
    check_clock,
    check_connections,
    check_data_keys,
    check_delivery,
    check_key_ages,
    check_key_change,
    check_metrics,
    check_months,
    check_outbox,
    check_provider,
    check_purge,
    check_readiness,
    check_roles,
    check_schema,
    check_seals,
    check_settings,
)
from entrypoints.doctor.client_check import ClientVerdict, check_client
from entrypoints.doctor.findings import Finding, Verdict, failed, passed, warned, worst
from entrypoints.settings import Settings
from entrypoints.settings_sources import file_of
from entrypoints.starting import database_fault
from entrypoints.storage import (
    DatabaseFaultError,
    EncodingError,
    Migration,
    PoolerError,
    SchemaError,
)

#: For the whole examination.
DEADLINE: Final = timedelta(seconds=25)

_KEYS: Final = (
    "VETASSIST_JWT_SECRET",
    "VETASSIST_TOKEN_KEYS",
    "VETASSIST_AUDIT_KEY",
    "VETASSIST_VA_CLIENT_SECRET",
)
#: The checks of the database. Those that could not be made are reported as such.
_OF_DATABASE: Final = (
    *("database", "encoding", "schema", "connections", "primary", "writable", "roles"),
    *("data keys", "clock", "purge", "outbox", "seals", "months", "checkpoints"),
)
# If either of these fails, requests can't reach the database, and neither can the checks.
_CLOSED: Final = frozenset({ReadinessCheck.DATABASE, ReadinessCheck.PRIMARY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What the doctor can ask of a configured service.

    Attributes:
        pending_migrations: Returns the missing migrations, as in `storage`. Blocks.
        connection_faults: Returns the faults of connections, as in `storage`. Blocks.
        failing: Returns the failing readiness checks.
        vital_signs: Returns the state of the database.
        rights: Returns the rights of the database role.
        oldest_passed_by: Returns the time of the oldest event that sealing has passed by.
        seal_keys: The keys that authenticate checkpoints.
        keys_under_older: Returns how many data keys are wrapped under older master keys.
        ask_provider: Reads the provider's metadata.
        check_client: Asks the provider whether it accepts our client credentials.
    """

    settings: Settings
    pending_migrations: Callable[[], Sequence[Migration]]
    connection_faults: Callable[[], Sequence[str]]
    failing: Callable[[], Awaitable[frozenset[ReadinessCheck]]]
    vital_signs: Callable[[], Awaitable[Vitals]]
    rights: Callable[[], Awaitable[Rights]]
    oldest_passed_by: Callable[[], Awaitable[datetime | None]]
    seal_keys: SealKeys
    keys_under_older: Callable[[], Awaitable[int]]
    ask_provider: Callable[[], Awaitable[object]]
    check_client: Callable[[], Awaitable[None]]


async def examine(patient: Patient, deadline: timedelta = DEADLINE) -> list[Finding]:
    """All findings. A check without an answer within ``deadline`` fails."""
    settings = patient.settings
    findings = [
        *check_settings([]),
        check_delivery(settings),
        check_metrics(settings),
        *check_key_ages(key_ages(os.environ, datetime.now(UTC))),
        check_key_change(settings),
    ]
    of_database, of_provider = await asyncio.gather(
        _database(patient, deadline), _in_time("VA", deadline, _provider(patient))
    )
    seen = {finding.check for finding in of_database}
    unseen = [
        warned(check, "was not checked", "correct what fails first")
        for check in _OF_DATABASE
        if check not in seen
    ]
    return [*findings, *of_database, *unseen, *of_provider]


def examine_schema(pending_migrations: Callable[[], Sequence[Migration]]) -> list[Finding]:
    """Findings about the encoding of the database and about its schema."""
    try:
        pending = [step.name for step in pending_migrations()]
    except SchemaError as error:
        return [failed("schema", str(error), "see docs/deployment.md")]
    except EncodingError as error:
        return [failed("encoding", str(error), "then move the data with pg_dump and pg_restore")]
    except PoolerError as error:
        return [_pooler_fault(error)]
    except (DatabaseFaultError, UnavailableError) as error:
        said = database_fault(error)
        return [failed("database", said, "check that it runs and is reachable from here")]
    return [passed("encoding", "every character can be stored"), check_schema(pending)]


def examine_connections(connection_faults: Callable[[], Sequence[str]]) -> list[Finding]:
    """Findings about the connections of the service, with or without a pooler."""
    try:
        return check_connections(connection_faults())
    except PoolerError as error:
        return [_pooler_fault(error)]
    except (DatabaseFaultError, UnavailableError) as error:
        said = database_fault(error)
        return [failed("database", said, "check that it runs and is reachable from here")]


def _pooler_fault(error: PoolerError) -> Finding:
    advice = "set it, or let the pooler keep prepared statements (docs/scaling.md)"
    return failed("connections", database_fault(error), advice)


def key_ages(environment: Mapping[str, str], now: datetime) -> dict[str, timedelta]:
    """The ages of the keys that are in files. Keys in the environment have no known age."""
    ages = {}
    for name in _KEYS:
        file = file_of(environment, name)
        if file is not None:
            with suppress(OSError):
                ages[name] = now - datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return ages


def checkpoint_in_file(settings: Settings, keys: SealKeys) -> tuple[SealedBatch | None, bool]:
    """The newest authentic checkpoint in the file, and whether the file exists here."""
    if settings.audit_checkpoints in {None, "-"}:
        return None, False
    try:
        return newest_checkpoint(Path(str(settings.audit_checkpoints)), keys), True
    except FileNotFoundError:
        return None, False
    except OSError:
        # For example a directory.
        return None, True


async def _in_time(
    check: str, deadline: timedelta, work: Awaitable[list[Finding]]
) -> list[Finding]:
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await work
    except TimeoutError:
        seconds = deadline.total_seconds()
        return [failed(check, f"no answer within {seconds:g} s", "find out why it does not answer")]


async def _database(patient: Patient, deadline: timedelta) -> list[Finding]:
    """Check what blocks the database first. If that fails, check nothing else."""
    examine_first: list[tuple[str, Callable[[], list[Finding]]]] = [
        ("schema", lambda: examine_schema(patient.pending_migrations)),
        ("connections", lambda: examine_connections(patient.connection_faults)),
    ]
    findings: list[Finding] = []
    for check, look in examine_first:
        findings += await _in_time(check, deadline, asyncio.to_thread(look))
        if worst(findings) is Verdict.FAIL:
            return findings
    failing = await patient.failing()
    findings += check_readiness(failing)
    if failing & _CLOSED:
        return findings
    examined = await asyncio.gather(
        _in_time("database", deadline, _vitals(patient, failing)),
        _in_time("roles", deadline, _roles(patient)),
        _in_time("data keys", deadline, _data_keys(patient)),
    )
    return [*findings, *(finding for each in examined for finding in each)]


async def _vitals(patient: Patient, failing: frozenset[ReadinessCheck]) -> list[Finding]:
    # Before the database: a batch with a checkpoint is then already sealed.
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
            failed("database", "does not answer", "check that it runs and is reachable from here")
        ]
    except Exception as error:  # noqa: BLE001 - such as a missing table
        return [
            failed("database", f"refuses ({type(error).__name__})", "correct the schema first"),
        ]
    return [
        passed("database", "answers"),
        check_clock(asked_at, vitals, answered_at, agrees=ReadinessCheck.CLOCK not in failing),
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
        said = "the whole audit trail could not be searched in time"
        return warned("seals", said, "run `vetassist audit verify`, which has no time limit")
    return check_seals(patient.settings, vitals, passed_by)


async def _roles(patient: Patient) -> list[Finding]:
    try:
        return check_roles(await patient.rights())
    except UnavailableError:
        return []
    except Exception as error:  # noqa: BLE001 - such as a missing table
        said = f"cannot be read ({type(error).__name__})"
        return [failed("roles", said, "correct the schema first")]


async def _data_keys(patient: Patient) -> list[Finding]:
    try:
        return [check_data_keys(patient.settings, await patient.keys_under_older())]
    except UnavailableError:
        return []
    except Exception as error:  # noqa: BLE001 - such as a missing table
        said = f"cannot be counted ({type(error).__name__})"
        return [failed("data keys", said, "correct the schema first")]


async def _provider(patient: Patient) -> list[Finding]:
    began = datetime.now(UTC)
    fault = None
    try:
        await patient.ask_provider()
    except ApplicationError as error:
        # Our own code, never the provider's text.
        fault = str(error) or error.code
    findings = [check_provider(fault, datetime.now(UTC) - began)]
    return findings if fault else [*findings, await _client(patient)]


async def _client(patient: Patient) -> Finding:
    try:
        await patient.check_client()
    except ClientRejectedByProviderError:
        return check_client(ClientVerdict.REFUSED)
    except ApplicationError as error:
        return check_client(ClientVerdict.UNKNOWN, str(error) or error.code)
    return check_client(ClientVerdict.ACCEPTED)
