"""Each check of the doctor: when it passes, warns and fails."""

from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest

from application.ports.vital_signs import Vitals
from entrypoints.doctor import checks
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
        "newest_seal_at": None,
        "may_rewrite_audit": False,
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
    assert "take the older keys out" in left_over.advice


def test_a_schema_that_is_behind_fails() -> None:
    assert_says(checks.check_schema([]), PASS)
    behind = checks.check_schema(["0008_x", "0009_y"])
    assert_says(behind, FAIL)
    assert "0008_x, 0009_y" in behind.said


def test_a_role_that_could_rewrite_the_audit_is_warned_of() -> None:
    assert_says(checks.check_roles(vitals()), PASS)
    assert_says(checks.check_roles(vitals(may_rewrite_audit=True)), WARN)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("drift", "verdict"),
    [(0, PASS), (2, PASS), (2.5, WARN), (30, WARN), (30.5, FAIL), (7200, FAIL)],
)
def test_clocks_that_differ_are_warned_of_and_fail_when_they_differ_by_much(
    drift: float, verdict: Verdict, sign: int
) -> None:
    database = vitals(now=NOW + sign * drift * SECOND)
    assert_says(checks.check_clock(NOW, database, NOW), verdict)


def test_a_slow_answer_is_no_difference_of_clocks() -> None:
    assert_says(checks.check_clock(NOW, vitals(now=NOW + 20 * SECOND), NOW + 40 * SECOND), PASS)


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
    assert_says(checks.check_seals(settings(), vitals()), PASS)
    assert_says(checks.check_seals(settings(), vitals(oldest_unsealed=NOW - age)), verdict)


def test_a_seal_that_is_made_seldom_may_be_late_by_more() -> None:
    late = vitals(oldest_unsealed=NOW - HOUR)
    assert_says(checks.check_seals(settings(AUDIT_SEAL_INTERVAL_SECONDS="1800"), late), PASS)


@pytest.mark.parametrize(
    ("told_to", "sealed_at", "written_at", "verdict"),
    [
        ("", NOW, None, WARN),
        ("-", NOW, None, PASS),
        ("/nowhere/checkpoints", None, None, PASS),
        ("/nowhere/checkpoints", NOW, None, WARN),
        ("/nowhere/checkpoints", NOW, NOW - 300 * SECOND, PASS),
        ("/nowhere/checkpoints", NOW, NOW - 301 * SECOND, FAIL),
        ("/nowhere/checkpoints", NOW, NOW + SECOND, PASS),
    ],
)
def test_checkpoints_that_are_kept_nowhere_or_not_the_newest_are_told(
    told_to: str, sealed_at: datetime | None, written_at: datetime | None, verdict: Verdict
) -> None:
    finding = checks.check_checkpoints(
        settings(AUDIT_CHECKPOINTS=told_to), vitals(newest_seal_at=sealed_at), written_at
    )
    assert_says(finding, verdict)


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
