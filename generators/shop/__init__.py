"""A seeded synthetic shop: landing files with planted faults, and the truth about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faker import Faker

from generators import landing
from generators.shop.catalogue import Listing, build_catalogue
from generators.shop.delivery import Delivery, deliver_logs, deliver_price_lists
from generators.shop.faults import plant
from generators.shop.master_files import country_lists, price_lists
from generators.shop.options import FaultRates, ShopOptions
from generators.shop.sales import sell
from generators.shop.truth import Story, truth_json

__all__ = ["Delivery", "FaultRates", "Listing", "Shop", "ShopOptions", "build_shop", "write_shop"]


@dataclass(frozen=True)
class Shop:
    """A shop's landing files in the order they come, and the truth as JSON."""

    deliveries: tuple[Delivery, ...]
    truth: bytes


def build_shop(options: ShopOptions, listed: Sequence[Listing] = ()) -> Shop:
    """Make a shop; the same arguments make the same bytes.

    `listed` are products to take over instead of the shop's own.
    """
    naming, stock, trade, mishaps, mail = np.random.default_rng(options.seed).spawn(5)
    fake = Faker("en_GB")
    fake.seed_instance(int(naming.integers(2**32)))
    products = build_catalogue(options, stock, fake, listed)
    lines = sell(options, products, trade, fake)
    planted = plant(options, lines, products, mishaps)
    lists = price_lists(options, products, mail)
    countries = country_lists(options)
    deliveries = (
        *(Delivery(file) for file in countries),
        *deliver_price_lists([each.file for each in lists], options.rates, mail),
        *deliver_logs(lines, planted.changes, options.rates, mail),
    )
    story = Story(options, products, lines, planted, deliveries, lists)
    return Shop(deliveries, truth_json(story))


def write_shop(shop: Shop, directory: Path, wave: int | None = None) -> list[bool]:
    """Deliver a shop's files, or one wave of them; tells for each whether it was written."""
    return [
        landing.deliver(directory, delivery.file)
        for delivery in shop.deliveries
        if wave in (None, delivery.wave)
    ]
