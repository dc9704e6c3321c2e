"""What makes a finding of a fact. Each check judges one thing and asks nobody."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from application.ports.readiness import ReadinessCheck
from application.ports.vital_signs import Rights, Vitals
from domain.audit_seal import SealedBatch
from entrypoints.doctor.findings import Finding, failed, passed, warned
from entrypoints.settings import SessionDelivery, Settings

#: NIST SP 800-57 part 1, section 5.3.6: a symmetric key is used for one or two years.
KEY_AGE: Final = timedelta(days=365)
#: A JWT's `iat` lies ahead, for another process, by as much as clocks differ.
DRIFT_WORTH_A_WARNING: Final = timedelta(seconds=2)
#: The purge may be this many intervals late, and an hour in any case.
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
    """Faults are what `serve` would refuse to start for."""
    if not faults:
        return [passed("settings", "every setting is usable")]
    return [failed("settings", fault, "correct it: `serve` does not start") for fault in faults]


def check_delivery(settings: Settings) -> Finding:
    """Whether sessions are handed over by something better than a URL."""
    if settings.is_public_https and settings.session_delivery is SessionDelivery.QUERY:
        return warned(
            "delivery",
            "the session's token goes through a URL, where histories and logs may keep it",
            "set VETASSIST_SESSION_DELIVERY to `code` or `cookie` once the front end can do so",
        )
    return passed("delivery", f"sessions are handed over by `{settings.session_delivery.value}`")


def check_metrics(settings: Settings) -> Finding:
    """Whether strangers may read the metrics."""
    if settings.metrics_port is None:
        return passed("metrics", "off")
    if _is_loopback(settings.metrics_host):
        return passed("metrics", f"on port {settings.metrics_port} of this machine")
    return warned(
        "metrics",
        f"port {settings.metrics_port} listens beyond this machine",
        "let nobody but Prometheus reach it",
    )


def check_key_ages(ages: Mapping[str, timedelta]) -> list[Finding]:
    """Keys that have been in use for long; ``ages`` holds those whose age is known."""
    old = {name: age for name, age in ages.items() if age > KEY_AGE}
    if old:
        return [
            warned("keys", f"{name} is {age.days} days old", "change it (docs/deployment.md)")
            for name, age in sorted(old.items())
        ]
    if not ages:
        return [passed("keys", "strong, and each for one purpose; their age is not known here")]
    return [passed("keys", f"strong, each for one purpose, none older than {KEY_AGE.days} days")]


def check_key_change(settings: Settings) -> Finding:
    """Whether a change of the JWT's key was begun and never ended."""
    if settings.jwt_previous_secret is None:
        return passed("JWT key", "no change of the key is under way")
    return warned(
        "JWT key",
        "VETASSIST_JWT_PREVIOUS_SECRET is still accepted",
        f"take it out once the change is {settings.session_absolute_minutes} minutes old",
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
            "every data key is under the newest master key, and older ones are still there",
            "take the older keys out of VETASSIST_TOKEN_KEYS",
        )
    return passed("data keys", "every data key is under the newest master key")


def check_schema(pending: Sequence[str]) -> Finding:
    """Whether the database has the tables that this version needs."""
    if pending:
        return failed(
            "schema", f"lacks {', '.join(pending)}", "run `vetassist migrate` as the schema's owner"
        )
    return passed("schema", "is the one that this version needs")


def check_connections(faults: Sequence[str]) -> list[Finding]:
    """Whether what the service relies on is in force on its connections."""
    name = "connections"
    if not faults:
        return [passed(name, "are as the service needs them")]
    advice = "run that as the database's owner, and let the pooler connect anew (docs/scaling.md)"
    return [failed(name, fault, advice) for fault in faults]


def check_readiness(failing: Collection[ReadinessCheck]) -> list[Finding]:
    """Whether requests could be served at this moment, as `/readyz` says."""
    if ReadinessCheck.DATABASE in failing:
        return [
            failed(
                "database",
                "does not answer in time",
                "see what keeps it busy, and whether the way there loses anything",
            )
        ]
    if ReadinessCheck.PRIMARY in failing:
        return [
            failed(
                "primary",
                "it is not certain which server is the primary",
                "see that one server takes writes, that its synchronous standby answers, and that "
                "this role has its rights (`vetassist migrate`)",
            )
        ]
    findings = [passed("primary", "it is certain which server is the primary")]
    if ReadinessCheck.WRITABLE in failing:
        findings.append(
            failed(
                "writable",
                "takes no rows: nobody can sign in, sign out or renew a session",
                "see whether it is read-only, its disk is full, or a table is locked",
            )
        )
    elif not {ReadinessCheck.SCHEMA, ReadinessCheck.ENCODING} & frozenset(failing):
        findings.append(passed("writable", "takes rows"))
    return findings


def check_roles(rights: Rights) -> list[Finding]:
    """Whether the role that serves may do what it has to, and nothing else."""
    name = "roles"
    if rights.is_owner:
        return [
            warned(
                name,
                "this role may change or delete rows of the audit trail: it owns the tables",
                "serve as a role that may only add and read them (docs/deployment.md)",
            )
        ]
    migrate = "run `vetassist migrate` as the owner of the tables"
    findings = []
    if rights.too_much_on_evidence:
        said = f"may do more with evidence than add and read: {_some(rights.too_much_on_evidence)}"
        findings.append(failed(name, said, f"{migrate}, and see who granted that"))
    if rights.may_create_tables:
        findings.append(
            failed(
                name,
                "may create tables where the audit trail's are to be",
                "REVOKE CREATE ON SCHEMA ... FROM PUBLIC, or from whatever role it has that by",
            )
        )
    if rights.missing:
        findings.append(failed(name, f"lacks {_some(rights.missing)}", migrate))
    if rights.too_much:
        findings.append(warned(name, f"may do too much: {_some(rights.too_much)}", migrate))
    return findings or [
        passed(name, "this role can do its work, and rewrite nothing of the audit trail")
    ]


def check_months(vitals: Vitals) -> Finding:
    """Whether each month of the audit trail has a partition of its own."""
    name = "months"
    if vitals.missing_months:
        return warned(
            name,
            f"the audit trail has no partition for {', '.join(vitals.missing_months)}",
            "see whether something else has its name, or its rows lie in the default partition",
        )
    if vitals.rows_of_no_month:
        return warned(
            name,
            f"{vitals.rows_of_no_month} rows of the audit trail lie in the default partition",
            "see whose times they have; of a month that is there no partition can be made",
        )
    return passed(name, "the audit trail has room for this month and the next two")


def check_clock(
    asked_at: datetime, vitals: Vitals, answered_at: datetime, *, agrees: bool
) -> Finding:
    """How far this machine's clock and the database's are apart, at the least.

    Args:
        asked_at: By this machine's clock.
        vitals: What the database answered.
        answered_at: By this machine's clock.
        agrees: Whether requests can be served in spite of it.
    """
    drift = max(asked_at - vitals.now, vitals.now - answered_at, timedelta())
    said = f"{drift.total_seconds():.1f} s away from the database's"
    advice = "let both machines keep time by NTP"
    if not agrees:
        return failed("clock", said, advice)
    if drift > DRIFT_WORTH_A_WARNING:
        return warned("clock", said, advice)
    return passed("clock", said)


def check_purge(settings: Settings, vitals: Vitals) -> Finding:
    """Whether what is past its retention is removed in time."""
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
            f"rows are left that should have gone {_rounded(max(overdue))} ago",
            "see why no process purges, or run `vetassist purge`",
        )
    return passed("purge", "nothing is left that is past its retention")


def check_seals(settings: Settings, vitals: Vitals, oldest_passed_by: datetime | None) -> Finding:
    """Whether the audit trail is sealed soon after it is written.

    Args:
        settings: How often it is sealed.
        vitals: What waits to be sealed.
        oldest_passed_by: Of what does not wait, either: sealing went on behind it.
    """
    if oldest_passed_by is not None:
        lag = max(timedelta(), vitals.now - oldest_passed_by)
        return failed(
            "seals",
            f"an event that is {_rounded(lag)} old is not sealed, and stands where all is sealed",
            "run `vetassist audit verify`, and see who put it there",
        )
    if vitals.oldest_unsealed is None:
        return passed("seals", "the whole audit trail is sealed")
    lag = max(timedelta(), vitals.now - vitals.oldest_unsealed)
    interval = timedelta(seconds=settings.audit_seal_interval_seconds)
    said = f"the oldest unsealed event is {_rounded(lag)} old"
    advice = "see why no process seals, or run `vetassist audit seal`"
    if lag > SEAL_TOO_LATE:
        return failed("seals", said, advice)
    if lag > max(SEAL_LATE, SEAL_INTERVALS * interval):
        return warned("seals", said, advice)
    return passed("seals", said)


def check_checkpoints(
    settings: Settings, vitals: Vitals, newest: SealedBatch | None, *, is_there: bool
) -> Finding:
    """Whether the newest seal is known where the database's owner cannot reach it.

    Args:
        settings: Where checkpoints are told to.
        vitals: Which batch was sealed last, and when; asked after the file was read.
        newest: The newest authentic one in the file of checkpoints.
        is_there: Whether there is such a file here.
    """
    told_to = settings.audit_checkpoints
    if told_to is None:
        return warned(
            _CHECKPOINTS,
            "are told nowhere: that the newest events were cut off could not be found",
            "set VETASSIST_AUDIT_CHECKPOINTS, and keep what it writes elsewhere",
        )
    if told_to == "-":
        return passed(_CHECKPOINTS, "are told on standard output, which the log collector keeps")
    if newest is None and vitals.newest_seal_at is None:
        return passed(_CHECKPOINTS, "nothing is sealed yet, so there is nothing to tell")
    if not is_there:
        return warned(_CHECKPOINTS, "the file is not here", "run the doctor where `serve` runs")
    if newest is None:
        return failed(
            _CHECKPOINTS,
            "the file has none that a holder of the audit key told",
            "see who changed the file, and whether `serve` may write to it",
        )
    return _check_told(vitals, newest)


def _check_told(vitals: Vitals, newest: SealedBatch) -> Finding:
    told, sealed_at = newest.header.number, vitals.newest_seal_at
    if sealed_at is None or told > vitals.newest_seal:
        return failed(
            _CHECKPOINTS,
            f"tell of batch {told}, and the newest in the database is {vitals.newest_seal}",
            "run `vetassist audit verify`: the end of the trail may have been cut off",
        )
    age = max(vitals.now, sealed_at) - newest.header.sealed_at
    if told < vitals.newest_seal and age > CHECKPOINT_LATE:
        return failed(
            _CHECKPOINTS,
            f"the newest is of batch {told}, {_rounded(age)} ago; batch {vitals.newest_seal} "
            "is sealed",
            "see in the log why no newer one could be told",
        )
    return passed(_CHECKPOINTS, f"batch {told} is told outside the database")


def check_outbox(vitals: Vitals) -> Finding:
    """Whether VA takes the tokens back that it is asked to revoke."""
    oldest = vitals.oldest_in_outbox
    if oldest is not None and vitals.now - oldest > AN_HOUR:
        return warned(
            "outbox",
            f"{vitals.outbox} tokens wait to be revoked, one for {_rounded(vitals.now - oldest)}",
            "see in the log whether VA answers; each is tried again by itself",
        )
    return passed("outbox", f"{vitals.outbox} tokens wait to be revoked at VA")


def check_provider(fault: str | None, took: timedelta) -> Finding:
    """Whether VA's metadata can be had, and is the one of the issuer in the settings."""
    if fault == "metadata_issuer":
        return failed(
            "VA",
            "its metadata names another issuer",
            "correct VETASSIST_VA_ISSUER, letter by letter",
        )
    if fault is not None:
        return failed(
            "VA",
            f"its metadata cannot be had ({fault})",
            "see whether this machine may reach VETASSIST_VA_DISCOVERY_URL; nobody can sign in",
        )
    said = f"its metadata came after {took.total_seconds():.1f} s, from the right issuer"
    if took > SLOW:
        return warned("VA", said, "see what makes the way to VA slow")
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
