"""The shop's products: names, list prices that move, launches and withdrawals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
from faker import Faker

from generators.categories import categorise
from generators.shop.options import ShopOptions

MATERIALS: Final = ("wooden", "ceramic", "vintage", "enamel", "felt", "glass", "retro", "paper")
NOUNS: Final = (
    "mug", "teapot", "lunch box", "cake tin", "photo frame", "heart sign", "wall clock",
    "t-light holder", "lantern", "scented candle", "shopper bag", "passport cover", "notebook",
    "gift card", "wrapping paper", "necklace", "drop earrings", "skittles game", "soldier puzzle",
    "bird house", "herb planter", "watering jug", "cushion cover", "tea towel", "doormat",
    "storage crate", "coat hanger", "bunting", "party balloons", "snowman decoration",
    "christmas bauble", "egg timer", "hand warmer", "key fob",
)  # fmt: skip
HOSTILE_NAMES: Final = (
    "<script>alert(1)</script>",
    'The "Best" mug, large',
    "Two-line\nlantern",
    "Party hat 🎉 naïve café",
    "=HYPERLINK(1)+cmd",
    "back\\slash \\N bowl",
    "O'Brien's bag; DROP TABLE--",
)

PRICE_MOVE = 0.008
PROMOTION = 0.002
PROMOTION_DAYS = 7
RENAME = 0.0003
LAUNCHED_LATER = 0.12
WITHDRAWN = 0.06
LIFECYCLE_DAYS = 10  # a shop open for less has neither launches nor withdrawals


@dataclass(frozen=True)
class Listing:
    """What a product snapshot says of one product."""

    stock_code: str
    description: str
    category: str
    unit_price: Decimal


@dataclass(frozen=True)
class Product:
    """A product and its listing on each day of the shop; None where the snapshot lacks it."""

    stock_code: str
    daily: tuple[Listing | None, ...]

    @cached_property
    def first_day(self) -> int:
        """The day, counted from 0, of the first snapshot that lists it."""
        return next(day for day, listing in enumerate(self.daily) if listing)

    @cached_property
    def hostile(self) -> bool:
        """Whether its name tries whatever prints or parses it."""
        return any(listing and listing.description in HOSTILE_NAMES for listing in self.daily)


def build_catalogue(
    options: ShopOptions, rng: np.random.Generator, fake: Faker, listed: Sequence[Listing] = ()
) -> list[Product]:
    """Products by stock code. `listed` are taken over as they are; else the shop makes its own.

    New products, the hostile names among them, come on top either way.
    """
    own = 0 if listed else max(40, round(300 * options.scale**0.5))
    launches = max(1, round(LAUNCHED_LATER * (own or len(listed) ** 0.5)))
    codes = _new_codes(fake, {listing.stock_code for listing in listed})
    fresh = [_new_listing(next(codes), fake, rng) for _ in range(own)]
    hostile = [_listing(next(codes), name, rng) for name in HOSTILE_NAMES]
    later = [_new_listing(next(codes), fake, rng) for _ in range(launches)]
    present = [_product(first, 0, options, rng, fake) for first in (*listed, *fresh, *hostile)]
    launched = [_product(first, _launch_day(options, rng), options, rng, fake) for first in later]
    return sorted((*present, *launched), key=lambda product: product.stock_code)


def versions(product: Product) -> int:
    """How many SCD2 versions the daily snapshots make of a product."""
    listings = [listing for listing in product.daily if listing]
    return 1 + sum(now != before for before, now in pairwise(listings))


def _new_codes(fake: Faker, taken: set[str]) -> Iterator[str]:
    while True:
        code = fake.unique.numerify("%####") + fake.random_element(("", "", "", "A", "B", "G"))
        if code not in taken:
            yield code


def _new_listing(code: str, fake: Faker, rng: np.random.Generator) -> Listing:
    return _listing(code, _name(fake), rng)


def _listing(code: str, description: str, rng: np.random.Generator) -> Listing:
    price = Decimal(round(float(np.clip(rng.lognormal(1.1, 0.8), 0.19, 95.0)) * 100)) / 100
    if rng.random() < 0.03:  # a few goods are priced by the thousand
        price += Decimal(int(rng.integers(1, 100))) / 10_000
    return Listing(code, description, categorise(description), price)


def _name(fake: Faker) -> str:
    words = fake.safe_color_name(), fake.last_name()
    name = f"{' '.join(words)} {fake.random_element(MATERIALS)} {fake.random_element(NOUNS)}"
    return name[0].upper() + name[1:]


def _launch_day(options: ShopOptions, rng: np.random.Generator) -> int:
    if options.days < LIFECYCLE_DAYS:
        return 0
    return int(rng.integers(2, options.days - 5))


def _product(
    first: Listing, launch: int, options: ShopOptions, rng: np.random.Generator, fake: Faker
) -> Product:
    regular = _moves(first, options.days - launch, rng, fake)
    end = options.days
    if options.days >= LIFECYCLE_DAYS and launch == 0 and rng.random() < WITHDRAWN:
        end = int(rng.integers(options.days // 3, options.days))
    daily = [None] * launch + _promoted(regular, rng)[: end - launch]
    return Product(first.stock_code, (*daily, *[None] * (options.days - end)))


def _moves(
    listing: Listing, days: int, rng: np.random.Generator, fake: Faker
) -> list[Listing | None]:
    """A product's listing on each of `days`, promotions apart."""
    listings: list[Listing | None] = [listing]
    for chance in rng.random(days - 1):
        if chance < PRICE_MOVE:
            listing = replace(listing, unit_price=_scaled(listing, rng.uniform(0.92, 1.14)))
        elif chance > 1 - RENAME:
            name = _name(fake)
            listing = replace(listing, description=name, category=categorise(name))
        listings.append(listing)
    return listings


def _promoted(regular: list[Listing | None], rng: np.random.Generator) -> list[Listing | None]:
    """The same days with promotions: lower for a week, then the former price again."""
    listings = list(regular)
    for start in np.flatnonzero(rng.random(len(regular)) < PROMOTION).tolist():
        for day in range(start, min(start + PROMOTION_DAYS, len(regular))):
            usual = regular[day]
            listings[day] = usual and replace(usual, unit_price=_scaled(usual, 0.8))
    return listings


def _scaled(listing: Listing, factor: float) -> Decimal:
    price = (listing.unit_price * Decimal(str(round(factor, 4)))).quantize(Decimal("0.01"))
    return max(price, Decimal("0.01"))
