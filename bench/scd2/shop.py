"""A shop of many products of which each day changes the price of one in a hundred.

Product n's price goes up a cent on each day d with (n + d) % 100 = 0, so that what any list
said, and all versions there are, can be told without any of them.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

PRODUCTS = 250_000
EVERY = 100  # days from one change of a product to its next
FIRST = date(2024, 1, 1)
CATEGORIES = 20

Version = tuple[Decimal, date, date | None]


def day(number: int) -> date:
    """The date of the list with this number; the first is 0."""
    return FIRST + timedelta(days=number)


def code(product: int) -> str:
    """A product's stock code."""
    return f"P{product:06}"


def cents(product: int, number: int) -> int:
    """A product's price in the list with this number."""
    return 100 + product % 9000 + (product + number) // EVERY - product // EVERY


def listed(number: int) -> bytes:
    """The whole list, as it lands."""
    head = "stock_code,description,category,unit_price\n"
    rows = (
        f"{code(n)},PRODUCT NUMBER {n} OF THE SHOP,Category {n % CATEGORIES},"
        f"{cents(n, number) // 100}.{cents(n, number) % 100:02}\n"
        for n in range(PRODUCTS)
    )
    return (head + "".join(rows)).encode()


def versions(product: int, lists: int) -> list[Version]:
    """A product's versions after so many lists, told list by list."""
    found: list[Version] = []
    for number in range(lists):
        price = Decimal(cents(product, number)) / 100
        if found and found[-1][0] == price:
            continue
        if found:
            found[-1] = (*found[-1][:2], day(number))
        found.append((price, day(number), None))
    return found
