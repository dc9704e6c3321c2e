"""`make mutants` counts each mutant once, under its package."""

from collections import Counter

import pytest

from tests.mutants.tally import UnfinishedError, row, tally

RESULTS = """
    domain.session.xǁSessionǁverdict__mutmut_1: killed
    domain.session.xǁSessionǁverdict__mutmut_2: survived
    domain.revocation.x_revoked__mutmut_1: timeout
    application.use_cases.sessions.sign_out.xǁSignOutǁexecute__mutmut_1: no tests
"""


def test_what_became_of_the_mutants_is_counted_by_package() -> None:
    assert tally(RESULTS.splitlines()) == {
        "application/use_cases/sessions": {"no tests": 1},
        "domain": {"killed": 1, "survived": 1, "timeout": 1},
    }


@pytest.mark.parametrize("end", ["not checked", "suspicious", "check was interrupted by user"])
def test_a_mutant_without_a_verdict_is_not_passed_over(end: str) -> None:
    with pytest.raises(UnfinishedError, match="x_revoked__mutmut_1"):
        tally([f"    domain.revocation.x_revoked__mutmut_1: {end}"])


def test_time_outs_count_as_noticed_and_nothing_is_rounded_up() -> None:
    count = Counter({"killed": 1998, "timeout": 1, "survived": 1, "no tests": 2})
    assert row("domain", count) == ("domain", "2,002", "1,998", "1", "1", "2", "99.8 %")
