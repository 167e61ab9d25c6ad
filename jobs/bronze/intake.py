"""What the three ingestions share: which waiting files are new, repeats, or to be refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.bronze.records import header_of, header_problem
from jobs.common.checks import Check, record
from jobs.common.db import transaction
from jobs.common.errors import BadInput
from jobs.common.job import say
from jobs.common.landing import Landing, LandingFile

if TYPE_CHECKING:
    from jobs.common.runlog import Run


WARNINGS_SHOWN = 5


@dataclass
class Intake:
    """The waiting files of a dataset, sorted into what becomes of them."""

    accepted: list[LandingFile] = field(default_factory=list)
    repeats: list[LandingFile] = field(default_factory=list)
    refused: list[tuple[LandingFile, str]] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def refuse(self, file: LandingFile, reason: str) -> None:
        """Set a file aside; an accepted one no longer is."""
        self.accepted = [other for other in self.accepted if other is not file]
        self.refused.append((file, reason))


def refuse_bad_headers(intake: Intake, required: tuple[str, ...]) -> None:
    """Refuse files whose header cannot be used."""
    for file in list(intake.accepted):
        problem = header_problem(header_of(file.head), required)
        if problem:
            intake.refuse(file, problem)


def settle(landing: Landing, intake: Intake, run: Run) -> None:
    """After the commit: move every file to where it belongs, count, and say it."""
    with transaction(run.conn, "the checks of files") as cur:
        record(cur, run, checks_of(intake))
    landing.done([*intake.accepted, *intake.repeats])
    for file, reason in intake.refused:
        landing.reject(file, reason)
        run.warn(f"{file.name} refused: {reason}")
    for name in intake.strangers:
        run.warn(f"{landing.dataset}/{name}: the name has no known form; it was left where it is")
    run.counts |= {
        "files": len(intake.accepted),
        "repeated_files": len(intake.repeats),
        "refused_files": len(intake.refused),
    }
    for text in run.warnings[:WARNINGS_SHOWN]:
        say(f"  warning: {text}")
    if len(run.warnings) > WARNINGS_SHOWN:
        say(f"  and {len(run.warnings) - WARNINGS_SHOWN} more warnings: ops.runs, run {run.run_id}")


def checks_of(intake: Intake) -> list[Check]:
    """What the run row cannot tell by numbers: which files were refused, and which are odd."""
    refused = "; ".join(f"{file.name}: {reason}" for file, reason in intake.refused)
    strangers = ", ".join(intake.strangers)
    return [
        Check("files_accepted", "warn", not refused, refused or "none refused", "none refused"),
        Check("file_names_known", "warn", not strangers, strangers or "all known", "all known"),
    ]


def complain(intake: Intake, dataset: str) -> None:
    """The end of a run that refused files.

    Raises:
        BadInput: at least one file was refused.
    """
    if intake.refused:
        file, reason = intake.refused[0]
        raise BadInput(
            f"{len(intake.refused)} of the {dataset} files refused; first {file.name}: {reason}",
            where=f"landing/rejected/{dataset}, each beside its .reason",
            do="mend the file and put it into landing again; the other files are in",
        )
