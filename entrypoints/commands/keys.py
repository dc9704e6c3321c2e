"""`vetassist keys`."""

from typing import TYPE_CHECKING

import typer

from entrypoints.commands.parameters import DryRun
from entrypoints.commands.strict import StrictTyper
from entrypoints.starting import EXIT_KEYS, fail

if TYPE_CHECKING:
    from application.use_cases.va_access.rewrap_data_keys import DataKeysRewrapped
    from entrypoints.container import Container

app = StrictTyper(help="Manage the keys that protect VA's tokens.", no_args_is_help=True)


@app.command()
def rewrap(*, dry_run: DryRun = False) -> None:
    """Wrap every data key under the first key of VETASSIST_TOKEN_KEYS. Online and resumable."""
    from application.use_cases.va_access.rewrap_data_keys import RewrapDataKeysCommand
    from entrypoints.commands.audit_reports import progress_over
    from entrypoints.commands.running import run

    async def work(container: "Container") -> "tuple[DataKeysRewrapped, int]":
        use_case = container.rewrap_data_keys()
        total = await use_case.count()
        with progress_over("Rewrapping", total) as advance:
            command = RewrapDataKeysCommand(is_dry_run=dry_run, on_progress=advance)
            done = await use_case.execute(command)
        return done, await use_case.count()

    done, remaining = run(work)
    rewrapped, upgraded = (
        ("Would rewrap", "would upgrade") if dry_run else ("Rewrapped", "upgraded")
    )
    typer.echo(
        f"{rewrapped} {done.rewrapped} data keys; {upgraded} the early tokens of {done.upgraded} "
        f"users; cannot read {done.unreadable}. Still under older master keys: {remaining}."
    )
    if done.unreadable or (remaining and not dry_run):
        fail(["older master keys are still needed: keep them"], EXIT_KEYS)
