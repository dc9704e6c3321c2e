"""What is stored about users, in memory."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import final

from adapters.memory.store import MemoryStore
from application.ports.user_records import UserRecords
from domain.identifiers import SessionId, UserId
from domain.session import Session
from domain.text_folding import folded
from domain.user import User
from domain.user_record import KnownAccount, UserRecord, UserSummary, VALink
from domain.user_search import ByEmail, ByICN, ById, ByName, NamePrefix
from domain.va_identity import VAAccount


@final
class MemoryUserRecords(UserRecords):
    """Reads only committed data, even while a unit of work is open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def search(
        self, wanted: ById | ByICN | ByEmail | ByName, *, limit: int
    ) -> Sequence[UserSummary]:
        found = [user for user in self._store.committed.users.values() if self._fits(user, wanted)]
        if isinstance(wanted, ByName):
            found.sort(key=_by_name)
        else:
            found.sort(key=lambda user: user.id)
        return [self._summary(user) for user in found[:limit]]

    async def find_all(self, user_ids: Collection[UserId]) -> Sequence[UserSummary]:
        users = self._store.committed.users
        return [self._summary(users[each]) for each in sorted(set(user_ids)) if each in users]

    async def find(self, user_id: UserId, *, now: datetime, max_sessions: int) -> UserRecord | None:
        tables = self._store.committed
        user = tables.users.get(user_id)
        if user is None:
            return None
        sessions = [each for each in tables.sessions.values() if each.user_id == user_id]
        sessions.sort(key=lambda each: _by_activity(each, now), reverse=True)
        merged = [each.id for each in tables.users.values() if each.merged_into == user_id]
        return UserRecord(
            summary=self._summary(user),
            accounts=self._accounts(user_id),
            link=self._link(user_id),
            sessions=tuple(sessions[:max_sessions]),
            has_more_sessions=len(sessions) > max_sessions,
            merged=tuple(sorted(merged)),
        )

    def _fits(self, user: User, wanted: ById | ByICN | ByEmail | ByName) -> bool:
        match wanted:
            case ById(id=id_):
                session = self._store.committed.sessions.get(SessionId(id_))
                return user.id in (id_, session and session.user_id)
            case ByICN(icn=icn):
                return user.icn == icn
            case ByEmail(email=email):
                return user.email is not None and folded(user.email) == folded(email)
            case ByName(prefixes=prefixes):
                return any(_begins(user, prefix) for prefix in prefixes)

    def _summary(self, user: User) -> UserSummary:
        return UserSummary(user=user, created_at=self._store.committed.user_times.get(user.id))

    def _accounts(self, user_id: UserId) -> tuple[KnownAccount, ...]:
        tables = self._store.committed
        accounts = [
            KnownAccount(
                account=VAAccount(issuer=alias[0], subject=alias[1]),
                created_at=tables.alias_times[alias][0],
                last_seen_at=tables.alias_times[alias][1],
            )
            for alias in sorted(tables.aliases)
            if tables.aliases[alias] == user_id
        ]
        return tuple(sorted(accounts, key=lambda each: each.last_seen_at, reverse=True))

    def _link(self, user_id: UserId) -> VALink | None:
        tokens = self._store.committed.va_tokens.get(user_id)
        if tokens is None:
            return None
        state = self._store.committed.va_token_states[user_id]
        return VALink(
            account=state.account,
            scope=tokens.scope,
            expires_at=tokens.expires_at,
            needs_sign_in=state.needs_sign_in_at is not None,
        )


def _begins(user: User, prefix: NamePrefix) -> bool:
    return all(
        not text or (name is not None and folded(name).startswith(folded(text)))
        for name, text in ((user.given_name, prefix.first), (user.family_name, prefix.last))
    )


def _by_name(user: User) -> tuple[object, ...]:
    last, first = user.family_name, user.given_name
    return last is None, folded(last or ""), first is None, folded(first or ""), user.id


def _by_activity(session: Session, now: datetime) -> tuple[bool, datetime, SessionId]:
    return session.is_active(now), session.issued_at, session.id
