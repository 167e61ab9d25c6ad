"""Takes the shop's products from a warehouse that is there already."""

from typing import Any

import psycopg2
import psycopg2.errors
import psycopg2.extensions

from generators.errors import bad_input
from generators.shop.catalogue import Listing
from jobs.common.errors import TransientError, UsageError

CURRENT_PRODUCTS = """
SELECT
    stock_code,
    COALESCE(description, ''),
    COALESCE(category, ''),
    unit_price
FROM dim_products
WHERE is_current
ORDER BY stock_code COLLATE "C"
"""


def current_listings(dsn: str) -> list[Listing]:
    """The current version of each product in gold, by stock code.

    Raises UsageError for a DSN that is none, TransientError when Postgres does not answer,
    BadInput when gold has no products.
    """
    listings = [Listing(*row) for row in _query(dsn)]
    if not listings:
        raise bad_input("dim_products", "no current products", "load product files first")
    return listings


def _query(dsn: str) -> list[tuple[Any, ...]]:
    connection = _connect(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute(CURRENT_PRODUCTS)
            return cursor.fetchall()
    except psycopg2.errors.UndefinedTable:
        raise bad_input("dim_products", "no such table", "run the warehouse's set-up") from None
    except psycopg2.Error as error:
        raise TransientError(_reason(error), where="gold", do="look at the server") from None
    finally:
        connection.close()


def _connect(dsn: str) -> psycopg2.extensions.connection:
    try:
        return psycopg2.connect(dsn, connect_timeout=10)
    except psycopg2.OperationalError as error:
        do = "check GOLD_DSN and the server"
        raise TransientError(_reason(error), where="gold", do=do) from None
    except psycopg2.ProgrammingError:
        # libpq quotes the string it cannot parse, which may hold a password.
        what = "GOLD_DSN is no connection string"
        raise UsageError(what, do="write it as key=value pairs or as a postgresql:// URI") from None


def _reason(error: psycopg2.Error) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
