"""What can be set of a synthetic shop. Rates are shares between 0 and 1."""

from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Final

from jobs.common.errors import UsageError

LINE_FAULTS: Final = (
    "unknown_country",
    "malformed",
    "no_price",
    "changed",
    "late_line",
    "untidy",
    "outlier",
)


@dataclass(frozen=True)
class FaultRates:
    """How much of each fault is planted; a rate above 0 plants at least one where one fits."""

    # shares of the lines
    unknown_country: float = 0.003
    malformed: float = 0.003
    no_price: float = 0.003
    changed: float = 0.003
    late_line: float = 0.003
    untidy: float = 0.01
    # share of the last month's lines
    outlier: float = 0.005
    # shares of the files of their kind
    repeated_file: float = 0.01
    late_file: float = 0.01
    late_price_list: float = 0.02
    # rows a product snapshot
    duplicate_code: float = 0.1
    bad_product: float = 0.1

    def __post_init__(self) -> None:
        """Refuse rates that no shop can have. Raises UsageError."""
        rates = asdict(self)
        if not all(0 <= rate <= 1 for rate in rates.values()):
            raise UsageError("a fault rate is no share", do="set it between 0 and 1")
        if sum(rates[name] for name in LINE_FAULTS) > 1:
            raise UsageError("the fault rates ask for more lines than there are", do="lower them")


@dataclass(frozen=True)
class ShopOptions:
    """A shop's size and time. `scale` 1.0 sells about 200 lines a day of about 300 products."""

    seed: int = 7
    start: date = date(2025, 1, 1)
    days: int = 100
    scale: float = 1.0
    country_drift: bool = True
    rates: FaultRates = field(default_factory=FaultRates)

    def __post_init__(self) -> None:
        """Refuse a size or a year that the warehouse would not take. Raises UsageError."""
        sound = 1 <= self.days <= 3660 and 0 < self.scale <= 1000
        if not sound or not 2000 <= self.start.year < 2100:
            do = "give 1 to 3660 days, a scale above 0 up to 1000, a start from 2000 to 2099"
            raise UsageError("such a shop cannot open", do=do)

    @property
    def last_day(self) -> date:
        """The last day on which the shop sells."""
        return self.start + timedelta(days=self.days - 1)


def share(rate: float, whole: int) -> int:
    """`rate` of `whole`, but at least 1 where both are above 0."""
    return max(1, round(rate * whole)) if rate > 0 and whole > 0 else 0
