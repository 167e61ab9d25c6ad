"""Takes customers out of records. Their number goes; all else stays as it is, byte for byte.

A customer is a whole field, trimmed and unquoted, never a part of one. Where a record's columns
can be told, that field is `customer_id`; where they cannot, it is any.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from jobs.bronze.records import BOM, CsvText, Record, header_of, is_clean

CUSTOMER = "customer_id"
Ids = Collection[str]

# A field and what is before it: as `csv` reads them, a quote counts where a field begins.
_FIELD = re.compile(r'(^|,)("(?:[^"]|"")*"(?=[,\r\n]|$)|[^,\r\n]*)')


def _value(field: str) -> str:
    bare = field.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1].replace('""', '"')
    return bare.strip().strip('"').strip()


def without(text: str, ids: Ids, column: int | None) -> str:
    """A record's text; the field at `column` is emptied when it is one of `ids`.

    Args:
        column: None where it cannot be told; then every such field is emptied.
    """
    parts, end = [], 0
    for nth, match in enumerate(_FIELD.finditer(text)):
        if column in (None, nth) and _value(match[2]) in ids:
            parts.append(text[end : match.start(2)])
            end = match.end(2)
    return "".join([*parts, text[end:]])


@dataclass(frozen=True)
class BadRow:
    """What bronze holds of a bad record.

    `is_readable`: whether its columns could be told, so that `customer_id` is the customer's.
    """

    customer_id: str | None
    is_readable: bool
    problem: str
    raw_fields: str
    raw_bytes: bytes


def values_of(raw_fields: str) -> Iterator[str]:
    """All fields of a bad record, trimmed."""
    for value in json.loads(raw_fields).values():
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                yield _value(each)


def names_one(row: BadRow, ids: Ids) -> bool:
    """Whether a bad record is of one of these customers."""
    if row.customer_id is not None:
        return row.customer_id in ids
    told = values_of(row.raw_fields)
    return not row.is_readable and (any(v in ids for v in told) or _untold(row, ids) != row.problem)


def _untold(row: BadRow, ids: Ids) -> str:
    """What is wrong with the record; of one that cannot be read, without customers' numbers.

    A value that stood in another's column is told there.
    """
    if row.is_readable:
        return row.problem
    found = row.problem
    for number in ids:
        found = re.sub(rf"(?<![\w-]){re.escape(number)}(?![\w-])", "…", found)
    return found


def redacted(row: BadRow, ids: Ids) -> BadRow:
    """A bad record of one of these customers, without the customer."""
    named = json.loads(row.raw_fields)
    text = row.raw_bytes.decode("utf-8", "surrogateescape")
    is_told = row.is_readable and len(named) == len(_FIELD.findall(text))
    column = list(named).index(CUSTOMER) if is_told else None
    fields = fields_without(named, ids, readable=row.is_readable)
    return replace(
        row,
        customer_id=None,
        problem=_untold(row, ids),
        raw_fields=json.dumps(fields, ensure_ascii=False),
        raw_bytes=without(text, ids, column).encode("utf-8", "surrogateescape"),
    )


def fields_without(fields: dict[str, Any], ids: Ids, *, readable: bool) -> dict[str, Any]:
    """A record's fields by name; null where one was a customer."""

    def kept(value: Any) -> Any:
        if isinstance(value, list):
            return [kept(each) for each in value]
        return None if isinstance(value, str) and _value(value) in ids else value

    return {
        name: kept(value) if name == CUSTOMER or not readable else value
        for name, value in fields.items()
    }


def file_without(content: bytes, ids: Ids) -> bytes:
    """A transactions file, or what was delivered as one, without these customers."""
    if not any(each.replace('"', '""').encode() in content for each in ids):
        return content
    text, header = CsvText(content), header_of(content)
    place = header.index(CUSTOMER) if header.count(CUSTOMER) == 1 else None
    lines = list(text.lines)
    for record in text.records(None if place is None else len(header)):
        column = place if _is_whole(record, header) else None
        if any(_value(f) in ids for f in _asked(record, column)):
            first, *rest = range(record.line - 1, record.end - 1)
            lines[first] = without("".join(text.lines[first : record.end - 1]), ids, column)
            for number in rest:
                lines[number] = ""
    mark = BOM if content.startswith(BOM) else b""
    return mark + "".join(lines).encode("utf-8", "surrogateescape")


def customers_in(content: bytes) -> set[str]:
    """Fields of a file that can be customers: all of those whose column cannot be told."""
    header = header_of(content)
    place = header.index(CUSTOMER) if header.count(CUSTOMER) == 1 else None
    records = CsvText(content).records(None if place is None else len(header))
    columns = ((r, place if _is_whole(r, header) else None) for r in records)
    found = {_value(f) for record, column in columns for f in _asked(record, column)}
    return {value for value in found if value and is_clean(value)}


def _is_whole(record: Record, header: list[str]) -> bool:
    return record.problem is None and len(record.fields) == len(header)


def _asked(record: Record, column: int | None) -> list[str]:
    return record.fields if column is None else [record.fields[column]]
