"""What the audit commands write and print."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, final

from rich.console import Console
from rich.progress import Progress

from application.use_cases.evidence.verify_audit import AuditVerified
from domain.audit_finding import AuditFinding
from entrypoints.checkpoint_file import CheckpointFile

#: The number of findings that are shown. All are counted.
SHOWN: Final = 1_000


@contextmanager
def progress_over(what: str, rows: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, if that is a terminal.

    Call the yielded function with the rows done since.
    """
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=rows)
        yield lambda done: progress.advance(task, done)


@final
class AuditReport:
    """The result of a verification, for a person or a script."""

    def __init__(
        self, checkpoints: Sequence[CheckpointFile] = (), *, is_given: bool = False
    ) -> None:
        self._findings: list[AuditFinding] = []
        self._checkpoints = checkpoints
        self._is_given = is_given

    def on_finding(self, finding: AuditFinding) -> None:
        """Keep a finding, up to the number that is shown."""
        if len(self._findings) < SHOWN:
            self._findings.append(finding)

    def lacking(self, verified: AuditVerified) -> Sequence[CheckpointFile]:
        """Returns the files without a checkpoint to compare with.

        Before the first batch, `serve` has not written any to the file of the settings.
        """
        if not self._is_given and not verified.batches:
            return ()
        return [file for file in self._checkpoints if not file.usable]

    def as_text(self, verified: AuditVerified) -> str:
        """Text for a person."""
        lines = [str(finding) for finding in self._findings]
        if verified.findings > len(self._findings):
            lines.append(f"... and {verified.findings - len(self._findings)} more")
        lines.append(
            f"Checked {verified.rows} sealed rows in {verified.batches} batches; "
            f"{verified.waiting} rows wait to be sealed; "
            f"compared {verified.checkpoints} checkpoints."
        )
        if verified.dropped:
            lines.append(f"The rows of {verified.dropped} batches were exported and dropped.")
        if not verified.checkpoints:
            lines.append(
                "Without a checkpoint from outside, it is unknown whether the newest batches "
                "were cut off."
            )
        if verified.findings:
            lines.append(f"The trail was tampered with: {verified.findings} findings.")
        elif not self.lacking(verified):
            lines.append("The trail is as it was sealed.")
        return "\n".join(lines)

    def as_json(self, verified: AuditVerified) -> str:
        """One JSON object for a script."""
        newest = verified.newest
        report: dict[str, Any] = {
            "intact": not verified.findings and not self.lacking(verified),
            "batches": verified.batches,
            "rows": verified.rows,
            "waiting": verified.waiting,
            "dropped": verified.dropped,
            "checkpoints": verified.checkpoints,
            "odd_checkpoint_lines": sum(file.odd for file in self._checkpoints),
            "findings": verified.findings,
            "newest": None if newest is None else newest.to_record(),
            "details": [
                {
                    "kind": finding.kind.value,
                    "batch": finding.batch,
                    "row": finding.row,
                    "detail": finding.detail,
                }
                for finding in self._findings
            ],
        }
        return json.dumps(report)
