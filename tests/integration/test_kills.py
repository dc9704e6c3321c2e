"""Whenever the service is killed, an act stands with its audit, or nothing of it does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from adapters.postgres.migrations import migrate
from tests.support.audited_acts import ACTS
from tests.support.databases import APPLICATION_ROLE, as_application, new_database
from tests.support.environment import plain_environment
from tests.support.processes import REPOSITORY

pytestmark = pytest.mark.postgres

#: With more than one, it dies at every statement, and not at those alone that it waits for.
ROUNDS: Final = int(os.environ.get("VETASSIST_TEST_ROUNDS", "1"))
#: What changes most, each an act of one transaction that stands or does not.
MORTAL: Final = (
    "somebody_signs_in_for_the_first_time",
    "a_sign_in_replaces_the_browsers_session",
    "a_refresh_token_is_used_again",
    "a_code_is_redeemed",
    "somebody_logs_out_everywhere",
    "somebody_takes_the_link_back",
    "a_user_is_signed_out_by_an_operator",
    "what_is_past_its_retention_is_purged",
)
#: Each is much like one of those. In the long run only.
ALSO_MORTAL: Final = (
    "a_session_is_renewed",
    "somebody_logs_out",
    "a_user_is_disabled",
    "a_client_is_added",
)

Watch = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def watch(database_url: str) -> Iterator[Watch]:
    """Lets an act happen, and be killed at each of its steps; what is found each time."""
    with new_database(database_url) as url:
        migrate(url, application_role=APPLICATION_ROLE)
        command = (sys.executable, "-m", "tests.integration.mortal_worker")
        with subprocess.Popen(
            [*command, as_application(url), url, *(["every"] if ROUNDS > 1 else [])],
            cwd=REPOSITORY,
            env=plain_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as worker:

            def watch(act: str) -> list[dict[str, Any]]:
                assert worker.stdin is not None
                assert worker.stdout is not None
                worker.stdin.write(f"{act}\n")
                worker.stdin.flush()
                found: list[dict[str, Any]] = json.loads(worker.stdout.readline())
                return found

            yield watch


@pytest.mark.case(87)
@pytest.mark.parametrize(
    "name", [*MORTAL, *(pytest.param(each, marks=pytest.mark.long) for each in ALSO_MORTAL)]
)
def test_a_service_that_is_killed_leaves_an_act_with_its_audit_or_nothing(
    watch: Watch, name: str
) -> None:
    lived, *killed = watch(name)
    whole = (lived["changed"], lived["told"])
    outcomes = [(each["changed"], each["told"]) for each in killed]

    assert lived["told"] == [type_.value for type_ in ACTS[name].tells]
    assert lived["changed"]
    for each, outcome in zip(killed, outcomes, strict=True):
        assert outcome in (([], []), whole), each["moment"]
    # It died on both sides of its commit.
    assert outcomes[0] == ([], [])
    assert outcomes[-1] == whole

    for each in killed:
        assert each["strays"] == 0, each["moment"]
        assert each["is_back"], each["moment"]
        assert each["is_shut_out"], each["moment"]
