"""Use case: show users their own profiles."""

from typing import final

from application.errors import UnauthenticatedError
from application.ports.user_directory import UserDirectory
from domain.identifiers import UserId
from domain.user import Profile


@final
class ViewUser:
    """Reads the profile of a session's user."""

    def __init__(self, *, users: UserDirectory) -> None:
        self._users = users

    async def execute(self, user_id: UserId) -> Profile:
        """Returns the user, and whether they must sign in with VA again.

        Raises:
            UnauthenticatedError: The user and all their sessions no longer exist.
            UnavailableError: The store did not answer.
        """
        profile = await self._users.find(user_id)
        if profile is None:
            raise UnauthenticatedError
        return profile
