"""Replays a real shop's year into landing files.

    python -m generators.replay --data FILE --countries FILE --landing DIR [--days N]

FILE is invoice lines as `.csv`, `.csv.gz` or `.csv.xz`. Written are one transaction log for each
4-hour window with lines, a full product snapshot for each day with lines, and the countries
master, dated the first day. Exit codes: 0 done, 2 usage, 3 bad input data.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from generators.errors import bad_input, exit_on_error
from generators.landing import (
    COUNTRY_COLUMNS,
    TRANSACTION_COLUMNS,
    CsvText,
    LandingFile,
    countries_file,
    deliver,
    products_file,
    transactions_file,
    window_of,
)
from generators.price_lists import PriceLists
from generators.retail_source import RetailLine, read_lines


def landing_files(data: Path, countries: Path, days: int | None = None) -> Iterator[LandingFile]:
    """The landing files of a year: the countries master, then each day's prices and sales.

    `days` keeps that many calendar days from the first. Raises BadInput for bad input,
    before it gives the first file.
    """
    master = _countries(countries)
    logs, lists = _gather(data)
    first_day = min(logs).date()
    last_day = first_day + timedelta(days=days - 1) if days else max(logs).date()
    yield countries_file(first_day, master)
    for day, content in lists.snapshots(last_day):
        yield products_file(day, content)
    for window in sorted(logs):
        if window.date() <= last_day:
            yield transactions_file(window, logs[window].content())


def _gather(data: Path) -> tuple[dict[datetime, CsvText], PriceLists]:
    logs: dict[datetime, CsvText] = defaultdict(lambda: CsvText(TRANSACTION_COLUMNS))
    lists = PriceLists()
    lines_so_far: dict[str, int] = defaultdict(int)
    for line in read_lines(data):
        lines_so_far[line.invoice_no] += 1
        logs[window_of(line.moment)].append(_record(line, lines_so_far[line.invoice_no]))
        lists.add(line)
    if not logs:
        raise bad_input(data, "no invoice lines", "give a file that has some")
    return logs, lists


def _record(line: RetailLine, line_no: int) -> tuple[str, ...]:
    return (
        line.invoice_no,
        str(line_no),
        line.stock_code,
        line.quantity,
        line.moment.isoformat(sep=" "),
        line.customer_id,
        line.country,
    )


def _countries(path: Path) -> bytes:
    """The countries master's own columns, in the order of the landing file."""
    text = CsvText(COUNTRY_COLUMNS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in COUNTRY_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise bad_input(path, f"column {missing[0]} is missing", "add it to the header", 1)
            for row in reader:
                text.append([row[name] or "" for name in COUNTRY_COLUMNS])
    except OSError as error:
        raise bad_input(path, f"cannot be read ({error.strerror})", "check the path") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise bad_input(path, f"not UTF-8 CSV ({error})", "save it as UTF-8 CSV") from None
    return text.content()


app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)


@app.command()
def main(
    data: Annotated[Path, typer.Option(help="Invoice lines: .csv, .csv.gz or .csv.xz.")],
    countries: Annotated[Path, typer.Option(help="Countries master (CSV).")],
    landing: Annotated[Path, typer.Option(help="Landing directory.", file_okay=False)],
    days: Annotated[int | None, typer.Option(min=1, help="Only the first N days.")] = None,
) -> None:
    """Replay a real shop's year into landing files; again is harmless."""
    with exit_on_error():
        written = [deliver(landing, file) for file in landing_files(data, countries, days)]
        typer.echo(f"{landing}: {sum(written)} files written, {written.count(False)} already there")


if __name__ == "__main__":
    app()
