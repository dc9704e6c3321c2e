"""Users as an operator reads them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import typer

from application.use_cases.operations.find_users import UsersFound
from application.use_cases.operations.show_user import UserShown
from domain.session import Session
from domain.user import User
from domain.user_record import UserSummary
from domain.va_identity import VAAccount
from entrypoints.commands import audit_listing
from entrypoints.commands.tables import Cell, print_fields, print_table
from entrypoints.web.devices import device_name
from entrypoints.web.timestamps import rfc3339

_HEADINGS: Final = ("User", "Name", "E-mail", "Created", "Last sign-in", "State")
_INDENT: Final = "  "


def print_users(users: Sequence[UserSummary]) -> None:
    """Print a table for people."""
    print_table(_HEADINGS, [_record(each) for each in users])


def print_found(found: UsersFound) -> None:
    """Print what a search found: first what the audit trail says of a reference."""
    if found.events:
        audit_listing.print_table(found.events)
        typer.echo()
    print_users(found.users)


def print_shown(shown: UserShown) -> None:
    """Print everything about a user, for people."""
    record, user = shown.record, shown.record.summary.user
    print_fields(
        [
            ("User", str(user.id)),
            ("Name", _name(user)),
            ("E-mail", user.email or ""),
            ("ICN", "" if user.icn is None else user.icn.value),
            ("Veteran status", user.status.value),
            ("State", _state(user)),
            ("Created", _time(record.summary.created_at)),
            ("Last sign-in", _time(user.last_login_at)),
            ("Merged users", [str(each) for each in record.merged]),
        ]
    )
    _heading("Accounts at VA", "none", is_empty=not record.accounts)
    for number, account in enumerate(record.accounts):
        _gap(number)
        print_fields(
            [
                ("Issuer", account.account.issuer),
                ("Subject", account.account.subject),
                ("In the audit trail", shown.pseudonyms[account.account]),
                ("First seen", _time(account.created_at)),
                ("Last seen", _time(account.last_seen_at)),
            ],
            indent=_INDENT,
        )
    _print_link(shown)
    _heading("Sessions", "none", is_empty=not record.sessions)
    for number, session in enumerate(record.sessions):
        _gap(number)
        print_fields(_session_fields(session, shown), indent=_INDENT)
    if record.has_more_sessions:
        typer.echo(f"{_INDENT}... and older ones")
    _heading("Newest events", "none", is_empty=not shown.events)
    audit_listing.print_table(shown.events)


def as_json_found(found: UsersFound) -> str:
    """One JSON object for scripts."""
    return json.dumps(
        {
            "users": [summary_fields(each) for each in found.users],
            "has_more": found.has_more,
            "events": [audit_listing.fields_of(each) for each in found.events],
        },
        indent=2,
    )


def as_json_shown(shown: UserShown) -> str:
    """One JSON object for scripts."""
    record = shown.record
    user, link = record.summary.user, record.link
    return json.dumps(
        summary_fields(record.summary)
        | {
            "icn": None if user.icn is None else user.icn.value,
            "merged_users": [str(each) for each in record.merged],
            "identities": [
                _account_fields(each.account)
                | {
                    "account": shown.pseudonyms[each.account],
                    "created_at": _instant(each.created_at),
                    "last_seen_at": _instant(each.last_seen_at),
                }
                for each in record.accounts
            ],
            "link": None
            if link is None
            else {
                "identity": None if link.account is None else _account_fields(link.account),
                "scope": link.scope,
                "expires_at": _instant(link.expires_at),
                "needs_sign_in": link.needs_sign_in,
            },
            "sessions": [_session_as_json(each, shown) for each in record.sessions],
            "has_more_sessions": record.has_more_sessions,
            "events": [audit_listing.fields_of(each) for each in shown.events],
            "has_more_events": shown.has_more_events,
        },
        indent=2,
    )


def summary_fields(summary: UserSummary) -> dict[str, object]:
    """A user as JSON."""
    user = summary.user
    return {
        "user_id": str(user.id),
        "given_name": user.given_name,
        "family_name": user.family_name,
        "email": user.email,
        "veteran_status": user.status.value,
        "is_active": user.is_active,
        "created_at": _instant(summary.created_at),
        "last_login_at": _instant(user.last_login_at),
        "merged_into": None if user.merged_into is None else str(user.merged_into),
    }


def _record(summary: UserSummary) -> Sequence[Cell]:
    user = summary.user
    return (
        str(user.id),
        _name(user),
        user.email or "",
        _time(summary.created_at),
        _time(user.last_login_at),
        _state(user),
    )


def _print_link(shown: UserShown) -> None:
    link = shown.record.link
    _heading("Link to VA", "no tokens are stored", is_empty=link is None)
    if link is None:
        return
    print_fields(
        [
            ("Account", "" if link.account is None else shown.pseudonyms.get(link.account, "")),
            ("Scopes", link.scope),
            ("Access token expires", _time(link.expires_at)),
            (
                "Usable",
                "no, the Veteran must sign in with VA again" if link.needs_sign_in else "yes",
            ),
        ],
        indent=_INDENT,
    )


def _session_fields(session: Session, shown: UserShown) -> list[tuple[str, Cell]]:
    return [
        ("Session", str(session.id)),
        ("Device", device_name(session.user_agent)),
        ("Signed in", _time(session.issued_at)),
        ("Last renewed", _time(session.renewed_at)),
        ("Front end", shown.front_ends.get(session.front_end, "")),
        ("State", _standing(session, shown.now)),
    ]


def _standing(session: Session, now: datetime) -> str:
    revocation = session.revocation
    if revocation is not None:
        return f"ended {_time(revocation.at)} by {revocation.by.value} ({revocation.reason})"
    if session.is_active(now):
        return f"active until {_time(session.expires_at)}"
    return f"expired {_time(session.expires_at)}"


def _session_as_json(session: Session, shown: UserShown) -> Mapping[str, object]:
    revocation = session.revocation
    return {
        "session_id": str(session.id),
        "device": device_name(session.user_agent),
        "front_end": shown.front_ends.get(session.front_end),
        "front_end_id": str(session.front_end),
        "is_active": session.is_active(shown.now),
        "issued_at": _instant(session.issued_at),
        "renewed_at": _instant(session.renewed_at),
        "expires_at": _instant(session.expires_at),
        "revoked_at": None if revocation is None else _instant(revocation.at),
        "revoked_by": None if revocation is None else revocation.by.value,
        "revoke_reason": None if revocation is None else revocation.reason,
    }


def _account_fields(account: VAAccount) -> dict[str, object]:
    return {"issuer": account.issuer, "subject": account.subject}


def _name(user: User) -> str:
    return " ".join(filter(None, (user.given_name, user.family_name)))


def _state(user: User) -> str:
    if user.merged_into is not None:
        return f"merged into {user.merged_into}"
    return "active" if user.is_active else "disabled"


def _time(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else rfc3339(instant)


def _heading(text: str, otherwise: str, *, is_empty: bool) -> None:
    typer.echo()
    typer.echo(f"{text}: {otherwise}" if is_empty else f"{text}:")


def _gap(number: int) -> None:
    if number:
        typer.echo()
