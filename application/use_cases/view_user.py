"""Use case: tell a user who they are signed in as."""

from typing import final

from application.errors import UnauthenticatedError
from application.ports.user_directory import UserDirectory
from domain.identifiers import UserId
from domain.user import User


@final
class ViewUser:
    """Reads the profile behind a session."""

    def __init__(self, *, users: UserDirectory) -> None:
        self._users = users

    async def execute(self, user_id: UserId) -> User:
        """The user.

        Raises:
            UnauthenticatedError: The user is gone, and with it every session.
            UnavailableError: Storage did not answer.
        """
        user = await self._users.find(user_id)
        if user is None:
            raise UnauthenticatedError
        return user
