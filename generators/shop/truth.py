"""The truth file: what was planted, and what must come out of the warehouse.

`files` gives each file's wave (1 on time, 2 late) and hash; `errors` the place of each record in
error, its transaction_id where it has one, and its sorted rules; `changed_lines` the record that
wins and the one that loses; `totals` count what gold holds once every wave is in. A source_line is
physical: the header is line 1. With products from gold, `product_versions` are those that the
shop's own lists make, and outliers stand out from the shop's own sales.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from generators.landing import transactions_file
from generators.shop.catalogue import HOSTILE_NAMES, Product, versions
from generators.shop.countries import COUNTRIES, DRIFTED
from generators.shop.delivery import Delivery
from generators.shop.faults import Planted
from generators.shop.master_files import DuplicateCode, PriceList
from generators.shop.options import ShopOptions
from generators.shop.outliers import Outlier
from generators.shop.sales import Line

Json = dict[str, Any]


@dataclass(frozen=True)
class Story:
    """All that is known of a shop when its files are made."""

    options: ShopOptions
    products: Sequence[Product]
    lines: Sequence[Line]
    planted: Planted
    deliveries: Sequence[Delivery]
    price_lists: Sequence[PriceList]


def truth_json(story: Story) -> bytes:
    """The truth as JSON, the same bytes for the same story; money is text, to keep each digit."""
    return (json.dumps(_truth(story), indent=1, ensure_ascii=False) + "\n").encode()


def _truth(story: Story) -> Json:
    planted = story.planted
    errors = sorted((line for line in story.lines if line.rules), key=_place)
    repeats = [delivery for delivery in story.deliveries if delivery.repeats]
    return {
        "arguments": {**asdict(story.options), "start": story.options.start.isoformat()},
        "files": [_file(delivery) for delivery in story.deliveries],
        "errors": [_error(line) for line in errors],
        "repeated_files": [{"file": each.file.name, "repeats": each.repeats} for each in repeats],
        "late_lines": [_where(line) for line in sorted(planted.late_lines, key=_place)],
        "changed_lines": [_change(each.first, each.winner) for each in planted.changes],
        "outliers": [_outlier(outlier) for outlier in planted.outliers],
        "rejected_rows": [asdict(bad) for each in story.price_lists for bad in each.bad_products],
        "duplicate_codes": [_twin(twin) for each in story.price_lists for twin in each.duplicates],
        "country_drift": _drift(story),
        "hostile_products": _hostile(story.products),
        "totals": _totals(story),
    }


def _place(line: Line) -> tuple[datetime, int]:
    return line.window, line.source_line


def _log_name(line: Line) -> str:
    return transactions_file(line.window, b"").name


def _where(line: Line) -> Json:
    return {
        "transaction_id": line.transaction_id if line.identified else None,
        "source_file": _log_name(line),
        "source_line": line.source_line,
    }


def _error(line: Line) -> Json:
    return {**_where(line), "fault": line.fault, "rules": sorted(line.rules)}


def _change(first: Line, winner: Line) -> Json:
    return {
        **_where(winner),
        "quantity": winner.quantity,
        "superseded_file": _log_name(first),
        "superseded_line": first.source_line,
        "superseded_quantity": first.quantity,
    }


def _file(delivery: Delivery) -> Json:
    file = delivery.file
    return {"kind": file.kind, "file": file.name, "wave": delivery.wave, "sha256": file.sha256}


def _outlier(outlier: Outlier) -> Json:
    return {
        **_where(outlier.line),
        "stock_code": outlier.line.stock_code,
        "quantity": outlier.line.quantity,
        "median": outlier.usual.median,
        "deviation": round(outlier.usual.deviation, 6),
    }


def _twin(duplicate: DuplicateCode) -> Json:
    return {name: str(value) for name, value in asdict(duplicate).items()}


def _drift(story: Story) -> list[Json]:
    masters = [each.file for each in story.deliveries if each.file.kind == "countries"]
    kept = next(row for row in COUNTRIES if row.country_id == DRIFTED.country_id)
    return [
        {"file": file.name, "kept": kept._asdict(), "reported": DRIFTED._asdict()}
        for file in masters
        if file.content != masters[0].content
    ]


def _hostile(products: Sequence[Product]) -> Json:
    first = (product.daily[product.first_day] for product in products)
    return {
        listing.stock_code: listing.description
        for listing in first
        if listing and listing.description in HOSTILE_NAMES
    }


def _totals(story: Story) -> Json:
    lines = story.lines
    loaded = [line for line in lines if line.loaded]
    return {
        "files": len(story.deliveries),
        "files_accepted": sum(not delivery.repeats for delivery in story.deliveries),
        "lines_in": len(lines),
        "loaded": len(loaded),
        "superseded": sum(line.superseded for line in lines),
        "errors": sum(bool(line.rules) for line in lines),
        "errors_by_rule": dict(
            sorted(Counter(rule for line in lines for rule in line.rules).items())
        ),
        "distinct_transactions": len({line.transaction_id for line in lines if line.identified}),
        "units": sum(line.quantity for line in loaded),
        "revenue": f"{_revenue(story, loaded):.4f}",
        "return_lines": sum(line.quantity < 0 for line in loaded),
        "guest_lines": sum(not line.customer_id for line in loaded),
        "customers": len({line.customer_id for line in loaded} - {""}),
        "products": len(story.products),
        "product_versions": sum(versions(product) for product in story.products),
        "rejected_rows": sum(len(each.bad_products) for each in story.price_lists),
    }


def _revenue(story: Story, loaded: Sequence[Line]) -> Decimal:
    by_code = {product.stock_code: product for product in story.products}
    total = Decimal(0)
    for line in loaded:
        day = (line.moment.date() - story.options.start).days
        listing = by_code[line.stock_code].daily[day]
        total += line.quantity * listing.unit_price if listing else Decimal(0)
    return total
