"""What the fail-over bench counts as broken, and what it says if it can't run."""

import os
import shutil
import subprocess

import pytest
from pytest_mock import MockerFixture

from tests.failover.bench import FailOvers
from tests.failover.programs import MissingError, ensure_installed
from tests.faults.ledger import Found, Told
from tests.faults.outcome import Outcome


def fail_overs(*, told: Told | None = None, found: Found | None = None) -> FailOvers:
    outcome = Outcome(kind="switchover", told=told or Told(), found=found or Found(), in_use=0)
    return FailOvers(outcome=outcome)


@pytest.mark.parametrize(
    ("measured", "faults"),
    [
        (fail_overs(), []),
        (fail_overs(told=Told(longest_seconds=20)), []),
        (fail_overs(told=Told(longest_seconds=20.1)), ["20.1 s for one request"]),
        (fail_overs(found=Found(lost=["the sign-in of a"])), ["lost: the sign-in of a"]),
        (fail_overs(found=Found(revived=["a"])), ["revived: a"]),
        (fail_overs(found=Found(refused=["a"])), ["refused: a"]),
    ],
)
def test_a_promise_that_was_broken_is_named(measured: FailOvers, faults: list[str]) -> None:
    assert measured.faults == faults


def test_whoever_may_not_install_is_told_what_to_run_in_one_line(mocker: MockerFixture) -> None:
    mocker.patch.object(shutil, "which", return_value=None)
    mocker.patch.object(os, "geteuid", return_value=1000)
    run = mocker.patch.object(subprocess, "run")

    with pytest.raises(MissingError) as error:
        ensure_installed()

    said = str(error.value)
    assert said.startswith("as root, run: apt-get install --no-install-recommends etcd-server ")
    assert "python3-etcd" in said
    assert "\n" not in said
    assert not run.called
