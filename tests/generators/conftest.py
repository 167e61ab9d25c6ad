"""What the generators' tests share."""

import json
from pathlib import Path
from typing import Any

import pytest

from generators.shop import Shop, ShopOptions, build_shop, write_shop
from tests.generators.brute_force import Gold, gold_of
from tests.generators.tiny_year import Year


@pytest.fixture
def year(tmp_path: Path) -> Year:
    """A tiny year, to be written."""
    return Year(tmp_path)


@pytest.fixture(scope="session")
def shop() -> Shop:
    """The shop that no options make."""
    return build_shop(ShopOptions())


@pytest.fixture(scope="session")
def truth(shop: Shop) -> dict[str, Any]:
    """What the default shop says of itself."""
    parsed: dict[str, Any] = json.loads(shop.truth)
    return parsed


@pytest.fixture(scope="session")
def gold(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Gold:
    """What gold must hold of the default shop."""
    landing = tmp_path_factory.mktemp("shop")
    assert all(write_shop(shop, landing))
    return gold_of(landing)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real year's folder; the test is skipped where it is not."""
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not (folder / "online_retail.csv.xz").exists():
        pytest.skip("the real year is not here")
    return folder
