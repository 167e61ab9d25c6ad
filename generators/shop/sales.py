"""The shop's sales and returns, line by line, before anything goes wrong with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

import numpy as np
from faker import Faker
from numpy.typing import NDArray
from scipy import stats

from generators.landing import window_of
from generators.shop.catalogue import Product
from generators.shop.countries import COUNTRIES
from generators.shop.options import ShopOptions

INVOICES_A_DAY = 28
CUSTOMERS = 600
LINES_BEYOND_FIRST = 6.0
DISPERSION = 2.5
GUESTS = 0.2
RETURNS = 0.02
WEEKDAYS: Final = (1.0, 1.1, 1.05, 1.25, 1.1, 0.6, 0.9)
OPENING_HOUR = 6
HOURS: Final = np.array([1, 3, 6, 9, 11, 12, 13, 12, 11, 9, 7, 5, 4, 3, 2, 1])


@dataclass(slots=True)
class Line:
    """One record for a transactions file, and what the warehouse should make of it.

    `fields` is the record's text where that is not simply the values. `rules` are the rules it
    breaks. `contested` says that another record has the same transaction_id, `superseded` that
    the other one wins; `identified`, that the transaction_id can be read from the record.
    """

    invoice_no: str
    line_no: int
    stock_code: str
    quantity: int
    moment: datetime
    customer_id: str
    country: str
    window: datetime
    fields: tuple[str, ...] | None = None
    fault: str = ""
    rules: tuple[str, ...] = ()
    contested: bool = False
    superseded: bool = False
    identified: bool = True
    source_line: int = 0

    @property
    def transaction_id(self) -> str:
        """What the warehouse knows the line by."""
        return f"{self.invoice_no}-{self.line_no}"

    @property
    def loaded(self) -> bool:
        """Whether this record becomes a fact line."""
        return not self.rules and not self.superseded

    def values(self) -> tuple[str, ...]:
        """The record's fields as a sound system writes them."""
        return (
            self.invoice_no,
            str(self.line_no),
            self.stock_code,
            str(self.quantity),
            self.moment.isoformat(sep=" "),
            self.customer_id,
            self.country,
        )


class Customer(NamedTuple):
    """Who buys; an empty id is a guest."""

    customer_id: str
    country: str


class Market:
    """The shop's stock on sale and its customers, with how much each is liked."""

    def __init__(
        self, products: Sequence[Product], scale: float, rng: np.random.Generator, fake: Faker
    ) -> None:
        self.products = products
        liked = 1.0 / (np.arange(len(products)) + 8.0) ** 0.7
        self.liking = rng.permutation(liked)
        self.liking[[product.hostile for product in products]] = liked[0]
        self.usual_quantity = stats.gamma.rvs(2.0, scale=3.0, size=len(products), random_state=rng)
        self._country_weights = _country_weights()
        self.customers = [
            Customer(fake.unique.numerify("%#######"), self.country(rng))
            for _ in range(max(20, round(CUSTOMERS * scale)))
        ]

    def country(self, rng: np.random.Generator) -> str:
        """Where a buyer lives, most often at home."""
        return COUNTRIES[int(rng.choice(len(COUNTRIES), p=self._country_weights))].country

    def buyer(self, rng: np.random.Generator) -> Customer:
        """A customer, or a guest."""
        if rng.random() < GUESTS:
            return Customer("", self.country(rng))
        # Squared, so that the first customers come again and again.
        return self.customers[int(len(self.customers) * rng.random() ** 2)]

    def on_sale(self, day: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Places of the products listed on `day`, and the chance of each."""
        places = np.flatnonzero([product.daily[day] is not None for product in self.products])
        return places, self.liking[places] / self.liking[places].sum()


def sell(
    options: ShopOptions, products: Sequence[Product], rng: np.random.Generator, fake: Faker
) -> list[Line]:
    """All lines by day and time; every one has a price in effect and a known country.

    What a snapshot lacks is neither sold nor returned that day.
    """
    market = Market(products, options.scale, rng, fake)
    by_code = {product.stock_code: product for product in products}
    lines: list[Line] = []
    for day in range(options.days):
        today = options.start + timedelta(days=day)
        moments = _moments(today, options.scale, rng)
        sold = list(_day_sales(market, day, moments, rng))
        lines += sold
        bought = _brought_back(lines, int(rng.poisson(RETURNS * len(sold))), rng)
        still_listed = [line for line in bought if by_code[line.stock_code].daily[day]]
        lines += _day_returns(still_listed, today, len(moments), rng)
    return lines


def _country_weights() -> NDArray[np.float64]:
    abroad = 1.0 / np.arange(2, len(COUNTRIES) + 1)
    return np.concatenate([[0.7], 0.3 * abroad / abroad.sum()])


def _moments(today: date, scale: float, rng: np.random.Generator) -> list[datetime]:
    """When the day's invoices are written, in order."""
    count = int(rng.poisson(INVOICES_A_DAY * scale * WEEKDAYS[today.weekday()]))
    hours = OPENING_HOUR + rng.choice(len(HOURS), size=count, p=HOURS / HOURS.sum())
    seconds = hours * 3600 + rng.integers(3600, size=count)
    midnight = datetime.combine(today, time())
    return [midnight + timedelta(seconds=int(second)) for second in sorted(seconds)]


def _day_sales(
    market: Market, day: int, moments: list[datetime], rng: np.random.Generator
) -> Iterator[Line]:
    if not moments:
        return
    places, chances = market.on_sale(day)
    sizes = np.minimum(
        1 + rng.poisson(rng.exponential(LINES_BEYOND_FIRST, len(moments))), len(places)
    )
    baskets = [rng.choice(places, size=size, replace=False, p=chances) for size in sizes]
    # One draw for the whole day: scipy's set-up costs more than the numbers.
    quantities = iter(_quantities(market.usual_quantity[np.concatenate(baskets)], rng))
    for number, (moment, basket) in enumerate(zip(moments, baskets, strict=True), start=1):
        customer = market.buyer(rng)
        invoice_no = _invoice_no(moment, number)
        for line_no, place in enumerate(basket, start=1):
            code = market.products[place].stock_code
            quantity = int(next(quantities))
            yield Line(invoice_no, line_no, code, quantity, moment, *customer, window_of(moment))


def _quantities(usual: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole quantities from 1, skewed to the right as in shops: 1 + negative binomial."""
    chance = DISPERSION / (DISPERSION + usual)
    beyond_one = stats.nbinom.rvs(DISPERSION, chance, size=len(usual), random_state=rng)
    return 1 + np.asarray(beyond_one, dtype=np.int64)


def _brought_back(lines: list[Line], count: int, rng: np.random.Generator) -> list[Line]:
    """Up to `count` of the sales so far."""
    drawn = (lines[int(rng.integers(len(lines)))] for _ in range(count))
    return [line for line in drawn if line.quantity > 0]


def _day_returns(
    bought: list[Line], today: date, invoices: int, rng: np.random.Generator
) -> Iterator[Line]:
    """A return invoice (C) for each line of `bought`, in the evening, by who bought it."""
    evening = datetime.combine(today, time(22))
    for number, line in enumerate(bought, start=invoices + 1):
        moment = evening + timedelta(seconds=number % 7200)
        back = -int(rng.integers(1, line.quantity + 1))
        yield replace(
            line,
            invoice_no="C" + _invoice_no(moment, number),
            line_no=1,
            quantity=back,
            moment=moment,
            window=window_of(moment),
        )


def _invoice_no(moment: datetime, number: int) -> str:
    # The day is in it, so that two runs of a shop over different days never share an invoice.
    return f"{moment.toordinal()}{number:05d}"
