"""Fixtures of the anomaly tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.common.settings import Settings
from tests.analytics.shop import Shop


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
