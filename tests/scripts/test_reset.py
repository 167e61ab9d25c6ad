"""Reset: a dry run first, then only what was confirmed, and only a home."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded import services
from embedded.home import Home
from embedded.postgres import Postgres
from tests.scripts.runner import run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a lake and no services."""
    home = Home(tmp_path / "home")
    home.create()
    (home.root / "lake").mkdir()
    (home.root / "lake" / "rows.parquet").write_bytes(b"1234")
    return home


def confirmation(home: Home) -> str:
    done = run("run_reset.sh", home=home.root)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def test_by_default_it_only_says_what_would_go(home: Home) -> None:
    done = run("run_reset.sh", home=home.root)

    assert f"would remove {home.root}/lake: 1 files, 4 bytes" in done.stdout
    assert "--confirm" in done.stdout
    assert (home.root / "lake" / "rows.parquet").exists()


def test_with_its_checksum_the_home_is_gone_and_nothing_beside_it(home: Home) -> None:
    beside = home.root.parent / "beside"
    beside.mkdir()
    (beside / "file").write_text("mine")
    (home.root / "lake" / "link").symlink_to(beside)

    done = run("run_reset.sh", "--confirm", confirmation(home), home=home.root)

    assert done.returncode == 0
    assert not home.root.exists()
    assert (beside / "file").read_text() == "mine"


def test_a_confirmation_is_void_when_something_changed(home: Home) -> None:
    checksum = confirmation(home)
    (home.root / "lake" / "later.parquet").write_bytes(b"")

    done = run("run_reset.sh", "--confirm", checksum, home=home.root)

    assert done.returncode == 2
    assert (home.root / "lake" / "later.parquet").exists()


def test_a_directory_that_is_no_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()

    done = run("run_reset.sh", "--confirm", "0", home=tmp_path)

    assert done.returncode == 2
    assert "not a warehouse home" in done.stderr
    assert (tmp_path / "lake").exists()


def test_where_nothing_is_nothing_is_done(tmp_path: Path) -> None:
    done = run("run_reset.sh", home=tmp_path / "none")

    assert (done.returncode, done.stderr) == (0, "")


def test_running_services_end_first(home: Home) -> None:
    services.create(home)
    services.up(home)
    assert Postgres(home).is_up()

    done = run("run_reset.sh", "--confirm", confirmation(home), home=home.root)

    assert done.returncode == 0, done.stderr
    assert Postgres(home).pid() is None
    assert not home.root.exists()
