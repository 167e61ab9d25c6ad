"""What the three ingestions share: which waiting files are new, repeats, or to be refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jobs.bronze.records import header_of, header_problem, is_utf_16
from jobs.common.checks import Check, record
from jobs.common.db import transaction
from jobs.common.errors import BadInput
from jobs.common.job import say
from jobs.common.landing import Landing, LandingFile
from jobs.common.left import CHANGED, CHANGED_SINCE, Left

if TYPE_CHECKING:
    from jobs.common.runlog import Run


WARNINGS_SHOWN = 5


@dataclass
class Intake:
    """The waiting files of a dataset, sorted into what becomes of them.

    `known` are files that bronze has; `twins` have the bytes of one that is accepted.
    """

    accepted: list[LandingFile] = field(default_factory=list)
    known: list[LandingFile] = field(default_factory=list)
    twins: list[LandingFile] = field(default_factory=list)
    refused: list[tuple[LandingFile, str]] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    @property
    def repeats(self) -> list[LandingFile]:
        """Files that bring nothing new."""
        return [*self.known, *self.twins]

    def copy(self) -> Intake:
        """One to try with."""
        return replace(self, **{name: list(files) for name, files in vars(self).items()})

    def refuse(self, file: LandingFile, reason: str) -> None:
        """Set a file aside; an accepted one no longer is."""
        self.accepted = [other for other in self.accepted if other is not file]
        self.refused.append((file, reason))

    def put(self, file: LandingFile) -> None:
        """Know a file as it is now, whatever becomes of it."""
        for files in (self.accepted, self.known, self.twins):
            files[:] = [file if other.uri == file.uri else other for other in files]
        self.refused = [(file if f.uri == file.uri else f, why) for f, why in self.refused]

    def leave_changed(self, files: list[LandingFile]) -> None:
        """Leave accepted files where they are; where one has a twin, that is accepted instead."""
        for file in files:
            self.accepted = [other for other in self.accepted if other is not file]
            self.left.append(Left(file.name, CHANGED, is_ours=True))
            twin = next((other for other in self.twins if other.sha256 == file.sha256), None)
            if twin is not None:
                self.twins.remove(twin)
                self.accepted.append(twin)


def refuse_bad_headers(intake: Intake, required: tuple[str, ...]) -> None:
    """Refuse files whose header cannot be used."""
    for file in list(intake.accepted):
        problem = "the file is not UTF-8 but UTF-16 or UTF-32; save it as UTF-8"
        if not is_utf_16(file.head):
            problem = header_problem(header_of(file.head), required) or ""
        if problem:
            intake.refuse(file, problem)


def settle(landing: Landing, intake: Intake, run: Run) -> None:
    """After the commit: move every file to where it belongs, count, and say it."""
    moving = leave_what_changed_since(landing, intake)
    with transaction(run.conn, "the checks of files") as cur:
        record(cur, run, checks_of(intake))
    landing.done(file for file in (*intake.accepted, *intake.repeats) if file.name in moving)
    for file, reason in intake.refused:
        landing.reject(file, reason)
        run.warn(f"{file.name} refused: {reason}")
    for name, why, _ in sorted(intake.left):
        run.warn(f"{landing.dataset}/{name}: {why}")
    run.counts |= {
        "files": len(intake.accepted),
        "repeated_files": len(intake.repeats),
        "refused_files": len(intake.refused),
    }
    for text in run.warnings[:WARNINGS_SHOWN]:
        say(f"  warning: {text}")
    if len(run.warnings) > WARNINGS_SHOWN:
        say(f"  and {len(run.warnings) - WARNINGS_SHOWN} more warnings: ops.runs, run {run.run_id}")


def leave_what_changed_since(landing: Landing, intake: Intake) -> set[str]:
    """Names of the files that may be moved: in `done/` lies nothing that was not read."""
    refused = [file for file, _ in intake.refused]
    files = [*intake.accepted, *intake.repeats, *refused]
    moving = landing.as_listed(files) if files else set()
    stays = [file for file in files if file.name not in moving]
    intake.left += [Left(file.name, CHANGED_SINCE, is_ours=True) for file in stays]
    intake.refused = [(file, why) for file, why in intake.refused if file.name in moving]
    return moving


def checks_of(intake: Intake) -> list[Check]:
    """What the run row cannot tell by numbers: which files were refused, and which are odd."""
    refused = "; ".join(f"{file.name}: {reason}" for file, reason in intake.refused)
    left = sorted(intake.left)
    strangers = ", ".join(each.name for each in left if not each.is_ours)
    waiting = "; ".join(f"{each.name}: {each.why}" for each in left if each.is_ours)
    return [
        Check("files_accepted", "warn", not refused, refused or "none refused", "none refused"),
        Check("file_names_known", "warn", not strangers, strangers or "all known", "all known"),
        Check("files_whole", "warn", not waiting, waiting or "all read", "all read"),
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
