"""The state directory: what is generated, kept, and refused."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from embedded.home import PASSWORDS, Home, free_port, write_private
from jobs.common.errors import UsageError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_generated_passwords_are_private_and_all_different(quiet_home: Home) -> None:
    recorded = quiet_home.read()

    assert mode(quiet_home.env_file) == 0o600
    assert set(PASSWORDS) <= set(recorded)
    assert len({recorded[name] for name in PASSWORDS}) == len(PASSWORDS)
    assert all(len(recorded[name]) >= 32 for name in PASSWORDS)


def test_only_the_owner_reads_mail_and_configuration(quiet_home: Home) -> None:
    assert mode(quiet_home.mail) == 0o700
    assert mode(quiet_home.conf) == 0o700
    assert not mode(quiet_home.root) & 0o066


def test_making_a_home_again_changes_nothing(quiet_home: Home) -> None:
    quiet_home.record({"GOLD_PORT": 1234})
    before = quiet_home.env_file.read_bytes(), quiet_home.env_file.stat().st_mtime_ns

    quiet_home.create()

    assert (quiet_home.env_file.read_bytes(), quiet_home.env_file.stat().st_mtime_ns) == before


def test_a_recorded_value_replaces_the_one_before(quiet_home: Home) -> None:
    quiet_home.record({"GOLD_PORT": 1, "SMTP_PORT": 2})
    quiet_home.record({"GOLD_PORT": 3})

    assert quiet_home.read()["GOLD_PORT"] == "3"
    assert quiet_home.read()["SMTP_PORT"] == "2"


def test_a_directory_with_other_things_never_becomes_a_home(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("")

    with pytest.raises(UsageError, match="not a warehouse home"):
        Home(tmp_path).create()

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_files_that_were_landed_before_set_up_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "landing" / "products").mkdir(parents=True)

    Home(tmp_path).create()

    assert Home(tmp_path).exists()


def test_a_database_whose_passwords_are_lost_is_not_given_new_ones(quiet_home: Home) -> None:
    quiet_home.pgdata.mkdir()
    quiet_home.env_file.unlink()

    with pytest.raises(UsageError, match="passwords are gone"):
        quiet_home.create()


def test_a_private_file_replaces_a_readable_one_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)

    write_private(path, "new")

    assert (path.read_text(), mode(path)) == ("new", 0o600)
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208


def test_a_taken_port_is_not_offered() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]

        assert free_port(taken) != taken

    assert free_port(taken) == taken
