"""Foreign text opens no line and steers no terminal; what is ours stays as it is."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from jobs.common import job
from jobs.common.errors import BadInput
from jobs.common.printable import printable, printable_lines

HOSTILE = [
    ("a\nerror: b", r"a\nerror: b"),
    ("a\r\nb", r"a\r\nb"),
    ("\x1b[2J\x1b]0;t\x07", r"\x1b[2J\x1b]0;t\x07"),
    ("\x9b2J", r"\x9b2J"),
    ("\x00", r"\x00"),
    ("a\u2028b\u2029c\x85d\x0ce", r"a\u2028b\u2029c\x85d\x0ce"),
    ("gnp.\u202eexe", r"gnp.\u202eexe"),
    (b"\xff.csv".decode("utf-8", "surrogateescape"), r"\xff.csv"),
    ("\ud800", r"\ud800"),
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_what_could_do_harm_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text", ["", "größer, 100 %\tдом 家 🎁", r"C:\new\x1b", "e\u0301 👩\u200d🔧"]
)
def test_all_else_stays(text: str) -> None:
    assert printable(text) == text


def test_no_character_is_left_that_a_terminal_or_a_log_would_act_on() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))

    left = {unicodedata.category(char) for char in printable(every)}

    assert left & {"Cs", "Zl", "Zp"} == set()
    assert [char for char in printable(every) if unicodedata.category(char) == "Cc"] == ["\t"]
    assert printable(every).encode()


def test_lines_of_a_longer_text_cannot_pose_as_others() -> None:
    assert printable_lines("a\nerror: b\r\n\x1bc", "  ") == "a\n  error: b\\r\n  \\x1bc"


def test_what_a_job_says_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    job.say("read \x1b[2J\nerror: :bomb: [red]x[/red]")

    assert capsys.readouterr().out == "read \\x1b[2J\\nerror: :bomb: [red]x[/red]\n"


def fail(error: Exception) -> int:
    def call() -> None:
        raise error

    return job.exit_code_of(call)


def test_an_error_quotes_without_becoming_two(capsys: pytest.CaptureFixture[str]) -> None:
    code = fail(BadInput("x\nerror: y", where="z\x1b[A\n  what to do: run me", do="mend it"))

    assert code == 3
    assert capsys.readouterr().err.splitlines() == [
        "error: x",
        "    error: y",
        r"  where: z\x1b[A",
        "      what to do: run me",
        "  what to do: mend it",
    ]


def test_so_does_a_defect(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(ValueError("a\x1b[2J\nerror: forged")) == 1

    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("error: ")] == [
        r"error: ValueError: a\x1b[2J"
    ]
    assert not any("\x1b" in line for line in lines)


def test_a_defect_without_a_word_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(AssertionError()) == 1

    assert capsys.readouterr().err.splitlines()[-1] == "error: AssertionError: "
