"""Logs are put aside while services write them, and go when they are old."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from embedded.logs import put_aside
from jobs.common.settings import Settings
from jobs.maintain import logs

NOW = datetime(2026, 11, 26, 1, 30, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    (tmp_path / "logs" / "pipeline").mkdir(parents=True)
    return Settings(warehouse_home=tmp_path)


def write(home: Settings, name: str, text: str = "a word\n", days: int = 0) -> Path:
    path = home.home / "logs" / name
    path.write_text(text)
    path.chmod(0o600)
    then = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (then, then))
    return path


def listed(home: Settings) -> dict[str, str]:
    folder = home.home / "logs"
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_logs_are_put_aside_once_a_day_and_kept_private(home: Settings) -> None:
    for name in ("spark.log", "postgres.log", "mailcatcher.log"):
        write(home, name, f"of {name}\n")

    logs.load(home, NOW)
    write(home, "postgres.log", "later\n")
    logs.load(home, NOW + timedelta(hours=5))

    assert listed(home) == {
        "mailcatcher.log": "",
        "mailcatcher.log.2026-11-26": "of mailcatcher.log\n",
        "postgres.log": "later\n",
        "postgres.log.2026-11-26": "of postgres.log\n",
        "spark.log.2026-11-26": "of spark.log\n",
    }
    modes = {path.stat().st_mode & 0o777 for path in (home.home / "logs").glob("*.log*")}
    assert modes == {0o600}


def test_a_name_that_is_taken_is_not_used_again(home: Settings) -> None:
    for text in ("first\n", "second\n", "third\n"):
        put_aside(write(home, "postgres.log", text), NOW.date())

    assert listed(home) == {
        "postgres.log": "",
        "postgres.log.2026-11-26": "first\n",
        "postgres.log.2026-11-26.1": "second\n",
        "postgres.log.2026-11-26.2": "third\n",
    }


def test_only_files_older_than_logs_are_kept_go(home: Settings) -> None:
    old = ["spark.log.2026-10-01.1", "postgres.log.1", "pipeline/20261001T060000Z.json"]
    for name in old:
        write(home, name, days=31)
    for name in ("spark.log.2026-10-31", "mailcatcher.log.2026-10-28", "pipeline/1.json"):
        write(home, name, days=29)
    write(home, "mine.txt", days=400)

    said = logs.plan(home, NOW)
    there = set(old) <= listed(home).keys()
    logs.load(home, NOW)

    assert there
    assert (said.files, said.size, said.oldest) == (3, 21, NOW - timedelta(days=31))
    assert set(listed(home)) == {
        *("mailcatcher.log.2026-10-28", "mine.txt", "pipeline/1.json", "spark.log.2026-10-31"),
    }


def test_a_setting_says_how_long(home: Settings) -> None:
    write(home, "spark.log.2026-11-20", days=6)

    assert logs.plan(home.model_copy(update={"log_keep_days": 5}), NOW).files == 1
    assert logs.plan(home, NOW).files == 0


@pytest.mark.parametrize("name", ["spark.log", "postgres.log"])
def test_who_writes_a_log_goes_on_writing(home: Settings, name: str) -> None:
    path = home.home / "logs" / name
    written, stop = [], threading.Event()

    def service() -> None:
        with path.open("ab", buffering=0) as log:
            while not stop.is_set():
                log.write(b"%06d\n" % len(written))
                written.append(len(written))
                stop.wait(0.001)

    thread = threading.Thread(target=service)
    thread.start()
    while len(written) < 50:
        stop.wait(0.01)
    for day in range(5):
        logs.load(home, NOW + timedelta(days=day))
        so_far = len(written)
        while len(written) < so_far + 20:
            stop.wait(0.01)
    stop.set()
    thread.join()

    words = sorted(int(word) for text in listed(home).values() for word in text.split())
    missing = set(written) - set(words)
    assert len(words) == len(set(words))
    # Between its last look and the emptying of a service's log, a line can be lost.
    assert len(missing) <= (0 if name == "spark.log" else 5)
