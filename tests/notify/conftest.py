"""Fixtures of the mail tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.common.settings import Settings
from tests.notify.gold import Gold


@pytest.fixture(scope="module")
def gold_once(gold_settings: Settings) -> Iterator[Gold]:
    gold = Gold(gold_settings)
    yield gold
    gold.loader.close()


@pytest.fixture
def gold(gold_once: Gold) -> Gold:
    gold_once.clear()
    return gold_once
