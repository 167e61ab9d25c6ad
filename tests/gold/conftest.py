"""What tests of the load's transaction share."""

from __future__ import annotations

import pytest

from jobs.common.settings import Settings
from tests.gold.loads import EMPTY, Loads
from tests.support.databases import query


@pytest.fixture
def loads(gold_settings: Settings) -> Loads:
    """An empty gold."""
    query(gold_settings, EMPTY)
    return Loads(gold_settings)
