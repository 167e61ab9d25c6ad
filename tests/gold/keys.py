"""Keys as Spark hands them on: numbers, or their eight bytes."""

from __future__ import annotations


def as_number(key: bytes | int | None) -> int | None:
    """The key as Postgres has it."""
    return int.from_bytes(key, "big", signed=True) if isinstance(key, bytes | bytearray) else key


def as_bytes(key: int) -> bytes:
    """The key as Spark hands it on."""
    return key.to_bytes(8, "big", signed=True)
