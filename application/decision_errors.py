"""What an operator must decide before a command can go on.

DecisionNeededError
  ICNOfAnotherUserError  the ICN belongs to another user: which one stays?
  MergeTargetError       the user to keep isn't one of the two
  AccountsDifferError    one of the two users is disabled
  MergedAwayError        the user was merged into another one
"""

from collections.abc import Sequence
from typing import ClassVar

from application.errors import ApplicationError
from domain.user_record import UserSummary


class DecisionNeededError(ApplicationError):
    """Only an operator can decide how to go on. Nothing was changed.

    Attributes:
        users: The users that the decision is about.
    """

    code: ClassVar[str] = "decision_needed"

    def __init__(self, users: Sequence[UserSummary] = ()) -> None:
        super().__init__()
        self.users = users


class ICNOfAnotherUserError(DecisionNeededError):
    """The new ICN belongs to another user, and the operator didn't say which user stays."""

    code: ClassVar[str] = "icn_of_another_user"


class MergeTargetError(DecisionNeededError):
    """The user to keep is neither the named user nor the one who has the ICN."""

    code: ClassVar[str] = "merge_target"


class AccountsDifferError(DecisionNeededError):
    """Merging would let a disabled user sign in again, or disable an active one."""

    code: ClassVar[str] = "accounts_differ"


class MergedAwayError(DecisionNeededError):
    """The user was merged into another one, so nothing can be changed about them."""

    code: ClassVar[str] = "merged_away"
