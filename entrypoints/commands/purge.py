"""`vetassist purge`."""

from typing import TYPE_CHECKING

import typer

from entrypoints.commands.parameters import DryRun

if TYPE_CHECKING:
    from entrypoints.container import Container


def purge(*, dry_run: DryRun = False) -> None:
    """Purge expired rows now, in small batches that don't disturb live traffic."""
    from entrypoints.commands.running import run

    typer.echo(run(_expected if dry_run else _purged))


async def _expected(container: "Container") -> str:
    expired = await container.purge_expired().count()
    unused = await container.shred_unused_tokens().count()
    return (
        f"Would remove {expired.sessions} sessions and {expired.sign_ins} old sign-ins; "
        f"would shred the unused VA tokens of {unused} users."
    )


async def _purged(container: "Container") -> str:
    purged = await container.purge_expired().execute()
    shredded = await container.shred_unused_tokens().execute()
    await container.make_audit_partitions().execute()
    return (
        f"Removed {purged.sessions} sessions and {purged.sign_ins} old sign-ins; "
        f"shredded the unused VA tokens of {shredded} users."
    )
