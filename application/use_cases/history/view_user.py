"""Use case: tell a user who they are signed in as."""

from typing import final

from application.errors import UnauthenticatedError
from application.ports.user_directory import UserDirectory
from domain.identifiers import UserId
from domain.user import Profile


@final
class ViewUser:
    """Reads the profile behind a session."""

    def __init__(self, *, users: UserDirectory) -> None:
        self._users = users

    async def execute(self, user_id: UserId) -> Profile:
        """The user, and whether VA wants to see them again.

        Raises:
            UnauthenticatedError: The user is gone, and with it every session.
            UnavailableError: Storage did not answer.
        """
        profile = await self._users.find(user_id)
        if profile is None:
            raise UnauthenticatedError
        return profile
