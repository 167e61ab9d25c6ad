"""What lies in landing and is no file, or cannot be read, is told of; the rest is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobs.common.landing import Landing
from jobs.common.left import shown

NOBODY = 65534
NAMES = [f"products_2025030{day}.csv" for day in (1, 2, 3)]


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    (tmp_path / "products").mkdir()
    for name in NAMES:
        (tmp_path / "products" / name).write_text(f"{name}\n")
    no_session: Any = None  # for files of this machine there is no need of one
    return Landing(no_session, f"file://{tmp_path}", "products")


@contextmanager
def a_user_that_has_no_rights(place: Path) -> Iterator[None]:
    """Root may read everything; nobody may not."""
    if os.geteuid() != 0:
        yield
        return
    opened = [folder for folder in place.parents if not folder.stat().st_mode & 0o001]
    modes = {folder: folder.stat().st_mode for folder in opened}
    for folder in opened:
        folder.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        for folder, mode in modes.items():
            folder.chmod(mode)


def test_a_file_that_cannot_be_read_is_left_and_the_others_are_read(
    landing: Landing, tmp_path: Path
) -> None:
    path = tmp_path / "products" / NAMES[1]
    assert [file.name for file in landing.waiting()[0]] == NAMES
    path.chmod(0)
    with a_user_that_has_no_rights(path):
        files, left = landing.waiting()
    assert [file.name for file in files] == [NAMES[0], NAMES[2]]
    ((name, why, is_ours),) = left
    assert (name, is_ours) == (NAMES[1], True)
    assert why == (
        "it cannot be read (Permission denied); let the job's account read it, and start again"
    )


def test_a_link_is_left_wherever_it_leads(landing: Landing, tmp_path: Path) -> None:
    within, outside = (tmp_path / "products" / f"products_2025040{n}.csv" for n in (1, 2))
    within.symlink_to(NAMES[0])
    outside.symlink_to("/etc/passwd")
    files, left = landing.waiting()
    assert [file.name for file in files] == NAMES
    assert [each.name for each in left] == [within.name, outside.name]
    assert {each.why.split(";")[0] for each in left} == {"it is a link, and links are not followed"}


def test_a_reason_without_room_leaves_the_file_where_it_was(
    landing: Landing, tmp_path: Path
) -> None:
    (file, *_), _ = landing.waiting()
    reason = tmp_path / "rejected" / "products" / f"{file.name}.reason"
    reason.parent.mkdir(parents=True)
    reason.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        landing.reject(file, "it shrank")
    assert (tmp_path / "products" / file.name).exists()
    reason.unlink()
    landing.reject(file, "it shrank")
    assert sorted(path.name for path in reason.parent.iterdir()) == [
        file.name,
        f"{file.name}.reason",
    ]


def test_a_file_is_as_listed_until_it_grows(landing: Landing, tmp_path: Path) -> None:
    files, _ = landing.waiting()
    assert landing.as_listed(files) == set(NAMES)
    with (tmp_path / "products" / NAMES[0]).open("a") as file:
        file.write("more\n")
    (tmp_path / "products" / NAMES[2]).unlink()
    assert landing.as_listed(files) == {NAMES[1]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("products_20250303.csv", "products_20250303.csv"),
        ("prix é.csv", "prix é.csv"),
        ("two\nlines\r.csv", "two\\nlines\\r.csv"),
        (os.fsdecode(b"caf\xe9.csv"), "caf\\xe9.csv"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202evsc.exe", "\\u202evsc.exe"),
    ],
)
def test_a_name_is_shown_on_one_line_in_characters_that_can_be_seen(
    name: str, expected: str
) -> None:
    assert shown(name) == expected
    assert shown(name).encode()
