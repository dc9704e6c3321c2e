"""Turns facts into findings. Each check judges one fact, and does no I/O."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from application.ports.readiness import ReadinessCheck
from application.ports.vital_signs import Rights, Vitals
from domain.audit_seal import SealedBatch
from domain.front_end import SessionDelivery
from entrypoints.doctor.findings import Finding, failed, passed, warned
from entrypoints.settings import Settings

#: NIST SP 800-57 part 1, section 5.3.6: a symmetric key is used for one or two years.
KEY_AGE: Final = timedelta(days=365)
#: If clocks differ, the `iat` of a JWT can be in the future for another process.
DRIFT_WORTH_A_WARNING: Final = timedelta(seconds=2)
#: The purge may be this many intervals late, but at least an hour.
PURGE_INTERVALS: Final = 3
AN_HOUR: Final = timedelta(hours=1)
#: The trail is sealed every few seconds (VETASSIST_AUDIT_SEAL_INTERVAL_SECONDS).
SEAL_LATE: Final = timedelta(minutes=1)
SEAL_INTERVALS: Final = 3
SEAL_TOO_LATE: Final = timedelta(days=1)
CHECKPOINT_LATE: Final = timedelta(minutes=5)
_SHOWN: Final = 5
_CHECKPOINTS: Final = "checkpoints"
SLOW: Final = timedelta(seconds=3)

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_settings(faults: Sequence[str]) -> list[Finding]:
    """Findings about settings. ``faults`` are those that keep `serve` from starting."""
    if not faults:
        return [passed("settings", "every setting is usable")]
    return [failed("settings", fault, "correct it: `serve` does not start") for fault in faults]


def check_delivery(settings: Settings) -> Finding:
    """Whether sessions are delivered by something better than a URL."""
    if settings.is_public_https and settings.session_delivery is SessionDelivery.QUERY:
        return warned(
            "delivery",
            "the session's token is in a URL, where histories and logs may keep it",
            "set VETASSIST_SESSION_DELIVERY to `code` or `cookie` once the front end supports it",
        )
    return passed("delivery", f"sessions are delivered by `{settings.session_delivery.value}`")


def check_metrics(settings: Settings) -> Finding:
    """Whether other machines can read the metrics."""
    if settings.metrics_port is None:
        return passed("metrics", "off")
    if _is_loopback(settings.metrics_host):
        return passed("metrics", f"on port {settings.metrics_port} of this machine")
    return warned(
        "metrics",
        f"port {settings.metrics_port} is open to other machines",
        "allow access for Prometheus only",
    )


def check_key_ages(ages: Mapping[str, timedelta]) -> list[Finding]:
    """Keys that have been in use for too long. ``ages`` has the keys whose age is known."""
    old = {name: age for name, age in ages.items() if age > KEY_AGE}
    if old:
        return [
            warned("keys", f"{name} is {age.days} days old", "change it (docs/deployment.md)")
            for name, age in sorted(old.items())
        ]
    if not ages:
        return [passed("keys", "strong, and each for one purpose; their age is unknown")]
    return [passed("keys", f"strong, each for one purpose, none older than {KEY_AGE.days} days")]


def check_key_change(settings: Settings) -> Finding:
    """Whether a change of the JWT key was started but not finished."""
    if settings.jwt_previous_secret is None:
        return passed("JWT key", "the key is not being changed")
    return warned(
        "JWT key",
        "VETASSIST_JWT_PREVIOUS_SECRET is still accepted",
        f"remove it once the change is {settings.session_absolute_minutes} minutes old",
    )


def check_data_keys(settings: Settings, under_older: int) -> Finding:
    """Whether older master keys are still needed."""
    if under_older:
        return warned(
            "data keys",
            f"{under_older} data keys or tokens are under older master keys",
            "run `vetassist keys rewrap`, and keep the older keys until then",
        )
    if len(settings.token_keys) > 1:
        return warned(
            "data keys",
            "every data key is under the newest master key, but older ones are still set",
            "remove the older keys from VETASSIST_TOKEN_KEYS",
        )
    return passed("data keys", "every data key is under the newest master key")


def check_schema(pending: Sequence[str]) -> Finding:
    """Whether the database has the schema of this version."""
    if pending:
        return failed(
            "schema", f"lacks {', '.join(pending)}", "run `vetassist migrate` as the schema's owner"
        )
    return passed("schema", "is the one that this version needs")


def check_connections(faults: Sequence[str]) -> list[Finding]:
    """Whether connections have the parameters that the service relies on."""
    name = "connections"
    if not faults:
        return [passed(name, "are as the service needs them")]
    advice = "run that as the owner of the database, and restart the pooler (docs/scaling.md)"
    return [failed(name, fault, advice) for fault in faults]


def check_readiness(failing: Collection[ReadinessCheck]) -> list[Finding]:
    """Whether requests can be served now, as `/readyz` reports."""
    if ReadinessCheck.DATABASE in failing:
        return [
            failed(
                "database",
                "does not answer in time",
                "check what keeps it busy, and whether the network loses packets",
            )
        ]
    if ReadinessCheck.PRIMARY in failing:
        return [
            failed(
                "primary",
                "it is not certain which server is the primary",
                "check that one server takes writes, that its synchronous standby answers, and "
                "that this role has its rights (`vetassist migrate`)",
            )
        ]
    findings = [passed("primary", "it is certain which server is the primary")]
    if ReadinessCheck.WRITABLE in failing:
        findings.append(
            failed(
                "writable",
                "takes no rows: no user can sign in, sign out or renew a session",
                "check whether it is read-only, its disk is full, or a table is locked",
            )
        )
    elif not {ReadinessCheck.SCHEMA, ReadinessCheck.ENCODING} & frozenset(failing):
        findings.append(passed("writable", "takes rows"))
    return findings


def check_roles(rights: Rights) -> list[Finding]:
    """Whether the role of `serve` has the rights that it needs, and no others."""
    name = "roles"
    if rights.is_owner:
        return [
            warned(
                name,
                "this role owns the tables, so it can change or delete audit events",
                "serve as a role that can only add and read events (docs/deployment.md)",
            )
        ]
    migrate = "run `vetassist migrate` as the owner of the tables"
    findings = []
    if rights.too_much_on_evidence:
        excess = _some(rights.too_much_on_evidence)
        said = f"can do more with the audit trail than add and read: {excess}"
        findings.append(failed(name, said, f"{migrate}, and find out who granted that"))
    if rights.may_create_tables:
        findings.append(
            failed(
                name,
                "can create tables in the schema of the audit trail",
                "REVOKE CREATE ON SCHEMA ... FROM PUBLIC, or from the role that grants it",
            )
        )
    if rights.missing:
        findings.append(failed(name, f"lacks {_some(rights.missing)}", migrate))
    if rights.too_much:
        findings.append(warned(name, f"has too many rights: {_some(rights.too_much)}", migrate))
    return findings or [
        passed(name, "this role has the rights that it needs, and can't change the audit trail")
    ]


def check_months(vitals: Vitals) -> Finding:
    """Whether each month of the audit trail has its own partition."""
    name = "months"
    if vitals.missing_months:
        return warned(
            name,
            f"the audit trail has no partition for {', '.join(vitals.missing_months)}",
            "check whether another table has its name, or the default partition has its rows",
        )
    if vitals.rows_of_no_month:
        return warned(
            name,
            f"{vitals.rows_of_no_month} rows of the audit trail are in the default partition",
            "check their times: a month with rows there can't get its own partition",
        )
    return passed(name, "the audit trail has partitions for this month and the next two")


def check_clock(
    asked_at: datetime, vitals: Vitals, answered_at: datetime, *, agrees: bool
) -> Finding:
    """The least difference between the clocks of this machine and the database.

    Args:
        asked_at: The time of the question, by this machine's clock.
        vitals: The answer of the database.
        answered_at: The time of the answer, by this machine's clock.
        agrees: Whether requests can be served despite the difference.
    """
    drift = max(asked_at - vitals.now, vitals.now - answered_at, timedelta())
    said = f"{drift.total_seconds():.1f} s away from the database's"
    advice = "synchronize both machines with NTP"
    if not agrees:
        return failed("clock", said, advice)
    if drift > DRIFT_WORTH_A_WARNING:
        return warned("clock", said, advice)
    return passed("clock", said)


def check_purge(settings: Settings, vitals: Vitals) -> Finding:
    """Whether expired rows are purged in time."""
    interval = timedelta(minutes=settings.purge_interval_minutes)
    latest = vitals.now - max(AN_HOUR, PURGE_INTERVALS * interval)
    retention = timedelta(days=settings.session_retention_days)
    overdue = [
        latest - end
        for end in (
            vitals.oldest_sign_in_end,
            vitals.oldest_session_end and vitals.oldest_session_end + retention,
        )
        if end is not None and end < latest
    ]
    if overdue:
        return warned(
            "purge",
            f"some rows should have been purged {_rounded(max(overdue))} ago",
            "find out why no process purges, or run `vetassist purge`",
        )
    return passed("purge", "no row is past its retention")


def check_seals(settings: Settings, vitals: Vitals, oldest_passed_by: datetime | None) -> Finding:
    """Whether events are sealed soon after they are written.

    Args:
        settings: How often events are sealed.
        vitals: The events that wait to be sealed.
        oldest_passed_by: The time of the oldest unsealed event behind a sealed batch.
    """
    if oldest_passed_by is not None:
        lag = max(timedelta(), vitals.now - oldest_passed_by)
        return failed(
            "seals",
            f"an event that is {_rounded(lag)} old is not sealed, but newer ones are",
            "run `vetassist audit verify`, and find out who inserted it",
        )
    if vitals.oldest_unsealed is None:
        return passed("seals", "the whole audit trail is sealed")
    lag = max(timedelta(), vitals.now - vitals.oldest_unsealed)
    interval = timedelta(seconds=settings.audit_seal_interval_seconds)
    said = f"the oldest unsealed event is {_rounded(lag)} old"
    advice = "find out why no process seals, or run `vetassist audit seal`"
    if lag > SEAL_TOO_LATE:
        return failed("seals", said, advice)
    if lag > max(SEAL_LATE, SEAL_INTERVALS * interval):
        return warned("seals", said, advice)
    return passed("seals", said)


def check_checkpoints(
    settings: Settings, vitals: Vitals, newest: SealedBatch | None, *, is_there: bool
) -> Finding:
    """Whether the newest seal is known outside the database.

    Args:
        settings: Where checkpoints are written to.
        vitals: The newest batch, read after the file.
        newest: The newest authentic checkpoint in the file.
        is_there: Whether the file exists here.
    """
    target = settings.audit_checkpoints
    if target is None:
        return warned(
            _CHECKPOINTS,
            "are not written, so a loss of the newest events could not be detected",
            "set VETASSIST_AUDIT_CHECKPOINTS, and keep the checkpoints outside this machine",
        )
    if target == "-":
        return passed(_CHECKPOINTS, "are written to standard output, for the log collector")
    if newest is None and vitals.newest_seal_at is None:
        return passed(_CHECKPOINTS, "nothing is sealed yet, so there is no checkpoint")
    if not is_there:
        return warned(
            _CHECKPOINTS, "the file does not exist here", "run the doctor where `serve` runs"
        )
    if newest is None:
        return failed(
            _CHECKPOINTS,
            "the file has no authentic checkpoint",
            "find out who changed the file, and check that `serve` can write to it",
        )
    return _check_newest(vitals, newest)


def _check_newest(vitals: Vitals, newest: SealedBatch) -> Finding:
    number, sealed_at = newest.header.number, vitals.newest_seal_at
    if sealed_at is None or number > vitals.newest_seal:
        return failed(
            _CHECKPOINTS,
            f"the newest is of batch {number}, but the database ends with {vitals.newest_seal}",
            "run `vetassist audit verify`: the end of the trail may have been cut off",
        )
    age = max(vitals.now, sealed_at) - newest.header.sealed_at
    if number < vitals.newest_seal and age > CHECKPOINT_LATE:
        return failed(
            _CHECKPOINTS,
            f"the newest is of batch {number}, {_rounded(age)} ago; batch {vitals.newest_seal} "
            "is sealed",
            "find out in the log why no newer one could be written",
        )
    return passed(_CHECKPOINTS, f"the checkpoint of batch {number} is outside the database")


def check_outbox(vitals: Vitals) -> Finding:
    """Whether tokens are revoked at VA in time."""
    oldest = vitals.oldest_in_outbox
    if oldest is not None and vitals.now - oldest > AN_HOUR:
        return warned(
            "outbox",
            f"{vitals.outbox} tokens wait to be revoked, one for {_rounded(vitals.now - oldest)}",
            "check in the log whether VA answers; each revocation is retried",
        )
    return passed("outbox", f"{vitals.outbox} tokens wait to be revoked at VA")


def check_provider(fault: str | None, took: timedelta) -> Finding:
    """Whether VA's metadata is available, and names the issuer of the settings."""
    if fault == "metadata_issuer":
        return failed(
            "VA",
            "its metadata names another issuer",
            "correct VETASSIST_VA_ISSUER, which must match exactly",
        )
    if fault is not None:
        return failed(
            "VA",
            f"its metadata is unavailable ({fault})",
            "check that this machine reaches VETASSIST_VA_DISCOVERY_URL: no user can sign in",
        )
    said = f"its metadata arrived after {took.total_seconds():.1f} s, from the right issuer"
    if took > SLOW:
        return warned("VA", said, "find out what makes the connection to VA slow")
    return passed("VA", said)


def _is_loopback(host: str) -> bool:
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, and {len(names) - _SHOWN} more"


def _rounded(span: timedelta) -> str:
    return str(timedelta(seconds=int(span.total_seconds())))
