"""Each check of the doctor: when it passes, warns and fails."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from adapters.memory.seal_keys import MemorySealKeys
from application.ports.readiness import ReadinessCheck
from application.ports.seal_keys import SealKeys
from application.ports.vital_signs import Rights, Vitals
from domain.audit_seal import BatchHeader, SealedBatch
from domain.trail_row import Place
from entrypoints.doctor import checks
from entrypoints.doctor.checkpoints import newest_checkpoint
from entrypoints.doctor.findings import Finding, Verdict, failed, passed, warned, worst
from entrypoints.settings import Settings
from tests.support.builders import NOW
from tests.support.environment import read, required_settings, token_key

PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def settings(**changes: str) -> Settings:
    return read(required_settings() | {f"VETASSIST_{name}": each for name, each in changes.items()})


def vitals(**changes: Any) -> Vitals:
    well: dict[str, Any] = {
        "now": NOW,
        "outbox": 0,
        "oldest_in_outbox": None,
        "oldest_sign_in_end": None,
        "oldest_session_end": None,
        "oldest_unsealed": None,
        "newest_seal": 0,
        "newest_seal_at": None,
        "missing_months": (),
        "rows_of_no_month": 0,
    }
    return Vitals(**(well | changes))


def assert_says(finding: Finding, verdict: Verdict) -> None:
    """The verdict; and what to do wherever there is something to do."""
    assert finding.verdict is verdict
    assert finding.said
    assert bool(finding.advice) == (verdict is not PASS)


def test_settings_pass_without_a_fault_and_fail_with_a_line_for_each() -> None:
    (well,) = checks.check_settings([])
    assert_says(well, PASS)
    unwell = checks.check_settings(["VETASSIST_A: is required", "VETASSIST_B: is required"])
    assert [finding.said for finding in unwell] == [
        "VETASSIST_A: is required",
        "VETASSIST_B: is required",
    ]
    for finding in unwell:
        assert_says(finding, FAIL)


@pytest.mark.parametrize(
    ("public_url", "delivery", "verdict"),
    [
        ("https://api.example.org", "query", WARN),
        ("https://api.example.org", "cookie", PASS),
        ("http://localhost:8000", "query", PASS),
    ],
)
def test_a_token_in_a_url_is_warned_of_where_it_is_for_real(
    public_url: str, delivery: str, verdict: Verdict
) -> None:
    finding = checks.check_delivery(settings(PUBLIC_URL=public_url, SESSION_DELIVERY=delivery))
    assert_says(finding, verdict)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, PASS),
        ({"METRICS_PORT": "9100"}, PASS),
        ({"METRICS_PORT": "9100", "METRICS_HOST": "::1"}, PASS),
        ({"METRICS_PORT": "9100", "METRICS_HOST": "0.0.0.0"}, WARN),
        ({"METRICS_PORT": "9100", "METRICS_HOST": "metrics.internal"}, WARN),
        ({"METRICS_HOST": "0.0.0.0"}, PASS),
    ],
)
def test_metrics_that_listen_beyond_the_machine_are_warned_of(
    changes: dict[str, str], verdict: Verdict
) -> None:
    assert_says(checks.check_metrics(settings(**changes)), verdict)


def test_only_keys_that_are_too_old_are_warned_of_each_by_its_name() -> None:
    (unknown,) = checks.check_key_ages({})
    assert_says(unknown, PASS)
    (young,) = checks.check_key_ages({"VETASSIST_AUDIT_KEY": 365 * DAY})
    assert_says(young, PASS)
    (old,) = checks.check_key_ages(
        {"VETASSIST_AUDIT_KEY": 365 * DAY, "VETASSIST_JWT_SECRET": 366 * DAY}
    )
    assert_says(old, WARN)
    assert "VETASSIST_JWT_SECRET is 366 days old" in old.said


def test_a_key_change_that_was_never_ended_is_warned_of() -> None:
    assert_says(checks.check_key_change(settings()), PASS)
    assert_says(checks.check_key_change(settings(JWT_PREVIOUS_SECRET=token_hex(32))), WARN)


def test_data_keys_under_older_master_keys_are_warned_of_and_so_are_master_keys_left_over() -> None:
    one = settings()
    two = settings(TOKEN_KEYS=f"{token_key('k2')},{token_key('k1')}")
    assert_says(checks.check_data_keys(one, 0), PASS)
    needed = checks.check_data_keys(two, 3)
    left_over = checks.check_data_keys(two, 0)
    assert_says(needed, WARN)
    assert_says(left_over, WARN)
    assert "keys rewrap" in needed.advice
    assert "remove the older keys" in left_over.advice


def test_a_schema_that_is_behind_fails() -> None:
    assert_says(checks.check_schema([]), PASS)
    behind = checks.check_schema(["0008_x", "0009_y"])
    assert_says(behind, FAIL)
    assert "0008_x, 0009_y" in behind.said


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, PASS, "can't change the audit trail"),
        ({"is_owner": True}, WARN, "owns the tables"),
        ({"too_much_on_evidence": ["UPDATE on x"]}, FAIL, "UPDATE on x"),
        ({"may_create_tables": True}, FAIL, "create tables"),
        ({"missing": [f"INSERT on {n}" for n in range(7)]}, FAIL, "INSERT on 4, and 2 more"),
        ({"too_much": ["DELETE on y"]}, WARN, "DELETE on y"),
    ],
)
def test_a_role_is_to_have_what_it_needs_and_nothing_else(
    changes: dict[str, Any], verdict: Verdict, said: str
) -> None:
    (finding,) = checks.check_roles(Rights(**({"is_owner": False} | changes)))
    assert_says(finding, verdict)
    assert said in finding.said


def test_each_fault_of_a_role_is_said() -> None:
    findings = checks.check_roles(
        Rights(is_owner=False, may_create_tables=True, missing=["a"], too_much=["b"])
    )
    assert [finding.verdict for finding in findings] == [FAIL, FAIL, WARN]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"missing_months": ["2026-02"]}, "2026-02"), ({"rows_of_no_month": 3}, "3 rows")],
)
def test_a_trail_that_is_not_by_month_is_warned_of(changes: dict[str, Any], said: str) -> None:
    assert_says(checks.check_months(vitals()), PASS)
    finding = checks.check_months(vitals(**changes))
    assert_says(finding, WARN)
    assert said in finding.said


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("drift", "agrees", "verdict"),
    [(0, True, PASS), (2, True, PASS), (2.5, True, WARN), (30, True, WARN), (7200, False, FAIL)],
)
def test_clocks_that_differ_are_warned_of_and_fail_when_requests_do(
    *, drift: float, agrees: bool, verdict: Verdict, sign: int
) -> None:
    database = vitals(now=NOW + sign * drift * SECOND)
    assert_says(checks.check_clock(NOW, database, NOW, agrees=agrees), verdict)


def test_a_slow_answer_is_no_difference_of_clocks() -> None:
    answer = vitals(now=NOW + 20 * SECOND)
    assert_says(checks.check_clock(NOW, answer, NOW + 40 * SECOND, agrees=True), PASS)


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        (set(), {"primary": PASS, "writable": PASS}),
        ({ReadinessCheck.CLOCK}, {"primary": PASS, "writable": PASS}),
        ({ReadinessCheck.WRITABLE}, {"primary": PASS, "writable": FAIL}),
        # Behind these nothing else was asked.
        ({ReadinessCheck.SCHEMA}, {"primary": PASS}),
        ({ReadinessCheck.PRIMARY}, {"primary": FAIL}),
        ({ReadinessCheck.DATABASE}, {"database": FAIL}),
    ],
)
def test_what_keeps_requests_from_being_served_fails_by_its_name(
    failing: set[ReadinessCheck], said: dict[str, Verdict]
) -> None:
    findings = checks.check_readiness(failing)
    assert {finding.check: finding.verdict for finding in findings} == said
    for finding in findings:
        assert_says(finding, finding.verdict)


def test_connections_fail_with_a_line_for_each_fault() -> None:
    (well,) = checks.check_connections([])
    assert_says(well, PASS)
    unwell = checks.check_connections(["TimeZone is 'x'", "DateStyle is 'y'"])
    assert [finding.said for finding in unwell] == ["TimeZone is 'x'", "DateStyle is 'y'"]
    for finding in unwell:
        assert_says(finding, FAIL)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"oldest_sign_in_end": NOW - HOUR}, PASS),
        ({"oldest_sign_in_end": NOW - HOUR - SECOND}, WARN),
        ({"oldest_session_end": NOW - 90 * DAY - HOUR}, PASS),
        ({"oldest_session_end": NOW - 90 * DAY - HOUR - SECOND}, WARN),
        ({"oldest_session_end": NOW + DAY}, PASS),
        ({}, PASS),
    ],
)
def test_what_should_long_be_gone_is_warned_of(
    changes: dict[str, datetime], verdict: Verdict
) -> None:
    assert_says(checks.check_purge(settings(), vitals(**changes)), verdict)


def test_a_purge_that_runs_seldom_may_be_late_by_more() -> None:
    late = vitals(oldest_sign_in_end=NOW - 3 * DAY)
    assert_says(checks.check_purge(settings(PURGE_INTERVAL_MINUTES="1440"), late), PASS)
    assert_says(checks.check_purge(settings(PURGE_INTERVAL_MINUTES="0"), late), WARN)


def test_an_outbox_that_does_not_move_is_warned_of() -> None:
    assert_says(checks.check_outbox(vitals()), PASS)
    assert_says(checks.check_outbox(vitals(outbox=1, oldest_in_outbox=NOW - HOUR)), PASS)
    stuck = checks.check_outbox(vitals(outbox=7, oldest_in_outbox=NOW - HOUR - SECOND))
    assert_says(stuck, WARN)
    assert "7 tokens" in stuck.said


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (timedelta(0), PASS),
        (-SECOND, PASS),
        (60 * SECOND, PASS),
        (61 * SECOND, WARN),
        (DAY, WARN),
        (DAY + SECOND, FAIL),
    ],
)
def test_a_trail_that_is_not_sealed_is_warned_of_and_fails_in_the_end(
    age: timedelta, verdict: Verdict
) -> None:
    assert_says(checks.check_seals(settings(), vitals(), None), PASS)
    unsealed = vitals(oldest_unsealed=NOW - age)
    assert_says(checks.check_seals(settings(), unsealed, None), verdict)


def test_an_event_that_sealing_has_passed_by_fails_whatever_waits() -> None:
    finding = checks.check_seals(settings(), vitals(), NOW - 3 * DAY)
    assert_says(finding, FAIL)
    assert "3 days" in finding.said


def test_a_seal_that_is_made_seldom_may_be_late_by_more() -> None:
    late = vitals(oldest_unsealed=NOW - HOUR)
    assert_says(checks.check_seals(settings(AUDIT_SEAL_INTERVAL_SECONDS="1800"), late, None), PASS)


@pytest.mark.parametrize(
    ("told_to", "sealed", "told", "verdict"),
    [
        ("", (7, NOW), None, WARN),
        ("-", (7, NOW), None, PASS),
        ("/a/file", (0, None), None, PASS),
        ("/nowhere", (7, NOW), None, WARN),
        ("/a/file", (7, NOW), None, FAIL),
        ("/a/file", (7, NOW), (7, NOW), PASS),
        ("/a/file", (7, NOW - DAY), (7, NOW - DAY), PASS),
        ("/a/file", (7, NOW), (6, NOW - 300 * SECOND), PASS),
        ("/a/file", (7, NOW), (6, NOW - 301 * SECOND), FAIL),
        ("/a/file", (7, NOW - HOUR), (6, NOW - HOUR), FAIL),
        ("/a/file", (7, NOW), (8, NOW), FAIL),
        ("/a/file", (0, None), (1, NOW), FAIL),
    ],
)
def test_checkpoints_that_are_kept_nowhere_or_not_the_newest_are_told(
    told_to: str,
    sealed: tuple[int, datetime | None],
    told: tuple[int, datetime] | None,
    verdict: Verdict,
) -> None:
    number, sealed_at = sealed
    finding = checks.check_checkpoints(
        settings(AUDIT_CHECKPOINTS=told_to),
        vitals(newest_seal=number, newest_seal_at=sealed_at),
        None if told is None else a_sealed_batch(*told),
        is_there=told_to == "/a/file",
    )
    assert_says(finding, verdict)


def a_sealed_batch(number: int, sealed_at: datetime, keys: SealKeys | None = None) -> SealedBatch:
    keys = keys or MemorySealKeys()
    header = BatchHeader(
        number=number,
        month="2026-01",
        count=1,
        total=number,
        first_row=number,
        last_row=number,
        root=bytes(32),
        previous=bytes(32),
        horizon=Place(transaction=number, row=number),
        sealed_at=sealed_at,
        key_id=keys.key_id,
    )
    return SealedBatch(header=header, mac=keys.authenticate(header.encoded()))


def line_of(batch: SealedBatch) -> str:
    return json.dumps(batch.to_record()) + "\n"


def test_the_newest_checkpoint_is_one_that_the_key_made_and_nothing_else(tmp_path: Path) -> None:
    keys = MemorySealKeys()
    file = tmp_path / "checkpoints"
    ours = [a_sealed_batch(number, NOW, keys) for number in (2, 3, 1)]
    for text, newest in [
        ("", None),
        ("garbage\n[1]\n" + "[" * 100_000, None),
        (line_of(a_sealed_batch(9, NOW)), None),
        (line_of(ours[0]).replace('"number": 2', '"number": Infinity'), None),
        ("".join(map(line_of, ours)) + line_of(a_sealed_batch(9, NOW)), ours[1]),
        ("collector: " + line_of(ours[0]) + line_of(ours[1])[:40], ours[0]),
        ("x" * 300_000 + "\n" + line_of(ours[0]), ours[0]),
    ]:
        file.write_text(text)
        assert newest_checkpoint(file, keys) == newest
    for nothing in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(OSError, match="rectory"):
            newest_checkpoint(nothing, keys)


def test_va_passes_when_it_answers_warns_when_it_is_slow_and_fails_otherwise() -> None:
    assert_says(checks.check_provider(None, SECOND), PASS)
    assert_says(checks.check_provider(None, 4 * SECOND), WARN)
    assert_says(checks.check_provider("ConnectError", SECOND), FAIL)
    other = checks.check_provider("metadata_issuer", SECOND)
    assert_says(other, FAIL)
    assert "VETASSIST_VA_ISSUER" in other.advice


def test_the_verdict_on_everything_is_the_worst_of_all() -> None:
    well, so_so, bad = passed("a", "b"), warned("a", "b", "c"), failed("a", "b", "c")
    assert worst([]) is PASS
    assert worst([well]) is PASS
    assert worst([so_so, well]) is WARN
    assert worst([bad, so_so, well]) is FAIL


def test_the_vitals_of_these_tests_are_those_of_a_store_that_is_well() -> None:
    assert vitals().now.tzinfo is UTC
