"""Fixtures of the anomaly tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.common.settings import Settings
from tests.analytics.shop import ODD, USUAL, Shop, sale, sales


@pytest.fixture(scope="module")
def shop_once(gold_settings: Settings) -> Iterator[Shop]:
    """The module's shop; a property test clears it for each example."""
    shop = Shop(gold_settings)
    yield shop
    shop.close()


@pytest.fixture
def shop(shop_once: Shop) -> Shop:
    """An empty shop under the default rule."""
    return shop_once.clear()


@pytest.fixture
def odd(shop: Shop) -> Shop:
    """A shop with one odd line: 40 units in February, against a threshold of 9."""
    shop.load(*sales(1, USUAL, "2010-01-05"), sale(20, 40, "2010-02-10 12:00"))
    shop.detect()
    assert shop.flagged() == [ODD]
    return shop
