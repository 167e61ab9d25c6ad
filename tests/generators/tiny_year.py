"""Years of a few lines, for the replay's tests."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from generators.landing import LandingFile
from generators.replay import landing_files

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
BASE: dict[str, Any] = {
    "invoice": "1",
    "code": "A1",
    "name": "RED MUG",
    "quantity": 2,
    "date": "2010-12-01 08:26:00",
    "price": "2.55",
    "customer": "17850",
    "country": "France",
}
MASTER = "country_id,country,iso_code,region,sub_region\n250,France,FR,Europe,Western Europe\n"


def line(**changed: object) -> str:
    return ",".join(str(value) for value in {**BASE, **changed}.values())


class Year:
    """A tiny year on disk."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "year.csv"
        self.countries = folder / "countries.csv"
        self.countries.write_text(MASTER)

    def write(self, *lines: str, header: str = HEADER) -> "Year":
        self.data.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8", newline="")
        return self

    def files(self, days: int | None = None) -> dict[str, str]:
        return texts(landing_files(self.data, self.countries, days))


def texts(files: Iterable[LandingFile]) -> dict[str, str]:
    return {file.name: file.content.decode() for file in files}


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines(keepends=True)))[1:]
