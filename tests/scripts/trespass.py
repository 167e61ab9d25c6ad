"""Files that mean harm, and one run of the chain on them that is watched from outside."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from tests.scripts.runner import Result, run
from tests.support.rows import country, csv_text, line, product

CODE = "'; DROP TABLE DIM_PRODUCTS; --"
COUNTRY = "Robert'); DROP TABLE dim_countries; --"
CUSTOMER = "$(touch owned)`touch owned`"
SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
TITLE = "\x1b]0;owned\x07 mug"
# Names that no source has: one wipes the screen and writes a line of ours, one is no UTF-8.
STRANGERS = (
    b"\x1b[2J\nerror: gold was lost.csv",
    b"\xff\x9b.csv",
    b"transactions_$(touch owned).csv",
)
FORGED = "stock_code,\x1b[Jerror: gold was lost,category,unit_price\nA1,x,y,1\n"

PRODUCTS = [
    product(CODE, description=SCRIPT),
    product("B2", description=FORMULA),
    product("C3", description=TITLE),
]
USUAL = [line(f"50{n:04}", stock_code=CODE, country=COUNTRY, customer_id=CUSTOMER,
              invoice_date=f"2025-02-{n:02} 10:00:00") for n in range(1, 13)]  # fmt: skip
ODD = line("600001", stock_code=CODE, quantity=20, country=COUNTRY, customer_id=CUSTOMER)
OTHERS = [
    line("600002", stock_code="B2", country=COUNTRY),
    line("600003", stock_code="C3", country=COUNTRY),
    line("600004", stock_code="B2", country=SCRIPT),
    line("600005", stock_code="B2", quantity="\x1b[2Jmany", country=COUNTRY),
]


@dataclass
class Watched:
    """What a run said and mailed, what command lines there were, and what nobody may learn."""

    home: Path
    events: Path
    known: dict[str, str]
    done: Result | None = None
    commands: set[bytes] = field(default_factory=set)
    mails: tuple[Path, ...] = ()

    @property
    def result(self) -> Result:
        assert self.done is not None
        return self.done


def deliver(landing: Path) -> None:
    files: dict[str, str] = {
        "products/products_20250101.csv": csv_text("products", PRODUCTS),
        "products/products_20250102.csv": FORGED,
        "countries/countries_20250101.csv": csv_text("countries", [country(COUNTRY)]),
        "transactions/transactions_20250303T0800.csv": csv_text(
            "transactions", [*USUAL, ODD, *OTHERS]
        ),
    }
    for name, text in files.items():
        (landing / name).write_text(text, encoding="utf-8", newline="")
    for name in STRANGERS:
        Path(os.fsdecode(os.fsencode(landing / "transactions") + b"/" + name)).touch()


def run_chain(home: Path, events: Path) -> Watched:
    """The chain as a scheduler starts it, with an event log and secrets that it doesn't need."""
    given = {name: secrets.token_urlsafe(18) for name in ("SMTP_PASSWORD", "SPARK_AUTH_SECRET")}
    given["GOLD_ADMIN_PASSWORD"] = secrets.token_urlsafe(18)  # no job logs in by it
    of_home = {k: v for k, v in dotenv_values(home / "embedded.env").items()
               if v and k.endswith("_PASSWORD")}  # fmt: skip
    watched = Watched(home, events, of_home | {f"given {k}": v for k, v in given.items()})
    options = (
        "-Dspark.eventLog.enabled=true -Dspark.eventLog.compress=false"
        f" -Dspark.eventLog.dir={events.as_uri()}"
    )
    before = set((home / "mail").glob("*.eml"))  # the home is that of other tests too
    with sampled(watched.commands):
        watched.done = run("run_pipeline.sh", home=home, JAVA_TOOL_OPTIONS=options, **given)
    watched.mails = tuple(sorted(set((home / "mail").glob("*.eml")) - before))
    return watched


@contextmanager
def sampled(into: set[bytes]) -> Iterator[None]:
    """Collects the command lines of all processes, 20 times a second."""
    end = threading.Event()

    def look() -> None:
        while not end.wait(0.05):
            into.update(command_lines())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue  # it has ended
