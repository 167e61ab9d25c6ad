"""Digests for the tests: a year's replay, an ordinary day, and errors only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from jobs.notify.facts import (
    Errors,
    ErrorTotals,
    Facts,
    FailedCheck,
    Finding,
    Group,
    HeldBack,
    LateView,
    Odd,
    OddTotals,
    RuleFacts,
)

NOW = datetime(2026, 11, 21, 6, 12, tzinfo=UTC)
SEEN = datetime(2026, 11, 21, 6, 1, tzinfo=UTC)
DAY_SEEN = datetime(2011, 12, 9, 16, 9, tzinfo=UTC)

MONTHS = {
    (2010, 12): 1204,
    (2011, 1): 1011,
    (2011, 2): 902,
    (2011, 3): 1377,
    (2011, 4): 1190,
    (2011, 5): 1583,
    (2011, 6): 1602,
    (2011, 7): 1711,
    (2011, 8): 1588,
    (2011, 9): 2377,
    (2011, 10): 2811,
    (2011, 11): 4031,
    (2011, 12): 1476,
}


def finding(**given: object) -> Finding:
    """One odd line; only what the test is about need be given."""
    base: dict[str, object] = {
        "transaction_id": "581483-1",
        "stock_code": "23843",
        "description": "PAPER CRAFT , LITTLE BIRDIE",
        "invoice_date": datetime(2011, 12, 9, 9, 15, tzinfo=UTC),
        "quantity": 80995,
        "median": 4.0,
        "threshold": 37.5,
        "z_score": 4835.4,
    }
    return Finding(**{**base, **given})  # type: ignore[arg-type]


TOP = (
    finding(),
    finding(
        transaction_id="541431-1",
        stock_code="23166",
        description="MEDIUM CERAMIC TOP STORAGE JAR",
        invoice_date=datetime(2011, 1, 18, 10, 1, tzinfo=UTC),
        quantity=74215,
        median=6.0,
        threshold=96.4,
        z_score=1641.9,
    ),
    finding(
        transaction_id="578841-1",
        stock_code="84826",
        description="ASSTD DESIGN 3D PAPER STICKERS",
        invoice_date=datetime(2011, 11, 25, 15, 57, tzinfo=UTC),
        quantity=12540,
        median=12.0,
        threshold=92.1,
        z_score=312.8,
    ),
    finding(
        transaction_id="554868-4",
        stock_code="22197",
        description="SMALL POPCORN HOLDER",
        invoice_date=datetime(2011, 5, 27, 10, 52, tzinfo=UTC),
        quantity=4300,
        median=8.0,
        threshold=118.0,
        z_score=78.04,
    ),
    finding(
        transaction_id="573008-1",
        stock_code="84077",
        description="WORLD WAR 2 GLIDERS ASSTD DESIGNS",
        invoice_date=datetime(2011, 10, 27, 12, 26, tzinfo=UTC),
        quantity=4800,
        median=48.0,
        threshold=410.5,
        z_score=26.22,
    ),
    finding(
        transaction_id="550461-1",
        stock_code="21108",
        description="FAIRY CAKE FLANNEL ASSORTED COLOUR",
        invoice_date=datetime(2011, 4, 18, 13, 20, tzinfo=UTC),
        quantity=3114,
        median=9.0,
        threshold=260.7,
        z_score=24.67,
    ),
    finding(
        transaction_id="552883-2",
        stock_code="85123A",
        description="WHITE HANGING HEART T-LIGHT HOLDER",
        invoice_date=datetime(2011, 5, 12, 9, 33, tzinfo=UTC),
        quantity=1010,
        median=6.0,
        threshold=98.6,
        z_score=21.7,
    ),
    finding(
        transaction_id="540815-7",
        stock_code="22616",
        description="PACK OF 12 LONDON TISSUES",
        invoice_date=datetime(2011, 1, 11, 12, 55, tzinfo=UTC),
        quantity=2400,
        median=24.0,
        threshold=251.0,
        z_score=20.93,
    ),
    finding(
        transaction_id="562439-3",
        stock_code="79321",
        description="CHILLI LIGHTS",
        invoice_date=datetime(2011, 8, 5, 8, 21, tzinfo=UTC),
        quantity=500,
        median=4.0,
        threshold=52.3,
        z_score=20.54,
    ),
    finding(
        transaction_id="574294-2",
        stock_code="21915",
        description="RED HARMONICA IN BOX",
        invoice_date=datetime(2011, 11, 3, 15, 47, tzinfo=UTC),
        quantity=1400,
        median=12.0,
        threshold=147.9,
        z_score=20.43,
    ),
)


def group(name: str, lines: int, above: str, amount: str, detail: str = "") -> Group:
    """Sums with their decimals as gold gives them."""
    return Group(name, lines, Decimal(above), Decimal(amount), detail)


CATEGORIES = (
    group("Home decoration", 6120, "224310.4", "712004.1700"),
    group("Kitchen", 5344, "198234.9", "533817.4200"),
    group("Bags and storage", 3107, "131007.3", "401221.9500"),
    group("Stationery and craft", 2890, "262118.8", "318402.0100"),
    group("Toys and games", 1704, "70022.1", "122950.8800"),
    group("Christmas", 1511, "64110.6", "140077.3000"),
    group("Garden", 802, "21310.2", "80441.6600"),
    group("Jewellery", 377, "4820.7", "20104.1900"),
)
PRODUCTS = (
    group("WHITE HANGING HEART T-LIGHT HOLDER", 118, "22140.0", "64110.5000", "85123A"),
    group("JUMBO BAG RED RETROSPOT", 104, "19873.5", "38114.2500", "85099B"),
    group("REGENCY CAKESTAND 3 TIER", 97, "2711.4", "31877.0000", "22423"),
    group("PARTY BUNTING", 92, "4880.1", "23419.7500", "47566"),
    group("ASSORTED COLOUR BIRD ORNAMENT", 88, "12654.9", "21340.1900", "84879"),
)

YEAR_ODD = Odd(
    totals=OddTotals(
        lines=22863,
        units=1412877,
        units_above=Decimal("1014350.6"),
        amount=Decimal("2714902.4400"),
        first_day=date(2010, 12, 1),
        last_day=date(2011, 12, 9),
        sales_lines=530711,
        sales_amount=Decimal("10233412.0340"),
        unscored=74936,
    ),
    per_day=tuple(
        (date(year, month, day), count // 2 + (count % 2) * (day == 1))
        for (year, month), count in MONTHS.items()
        for day in (1, 9)
    ),
    categories=CATEGORIES,
    products=PRODUCTS,
    top=TOP,
)

UNKNOWN_COUNTRY = RuleFacts(
    rule="unknown_country",
    lines=507,
    raw={
        "invoice_no": "564051",
        "line_no": "1",
        "stock_code": "22960",
        "quantity": "12",
        "invoice_date": "2011-08-22 13:32:00",
        "customer_id": "14265",
        "country": "Unspecified",
    },
    source_file="transactions_20110822T1200.csv",
    source_line=412,
    often=(("Unspecified", 446), ("European Community", 61)),
)
NO_PRICE = RuleFacts(
    rule="no_price_in_effect",
    lines=398,
    raw={
        "invoice_no": "549522",
        "line_no": "1",
        "stock_code": "85049B",
        "quantity": "120",
        "invoice_date": "2011-04-08 15:35:00",
        "country": "United Kingdom",
    },
    source_file="transactions_20110408T1200.csv",
    source_line=77,
    often=(("22501", 21), ("84926F", 14), ("20980", 9)),
)

ERRORS = Errors(
    totals=ErrorTotals(905, 8123, SEEN, SEEN, rows_in=541909),
    rules=(UNKNOWN_COUNTRY, NO_PRICE),
)

YEAR = Facts(7, YEAR_ODD, ERRORS, odd_runs=(42,), error_runs=(41,))

_DAY_TOP = tuple(
    finding(**{**vars(given), "invoice_date": datetime(2011, 12, 9, hour, 20, tzinfo=UTC)})
    for given, hour in ((TOP[3], 9), (TOP[4], 10), (TOP[7], 12))
)
DAY = Facts(
    8,
    Odd(
        totals=OddTotals(
            lines=3,
            units=11500,
            units_above=Decimal("10720.5"),
            amount=Decimal("2380.9000"),
            first_day=date(2011, 12, 9),
            last_day=date(2011, 12, 9),
            sales_lines=1412,
            sales_amount=Decimal("38211.0700"),
        ),
        per_day=((date(2011, 12, 9), 3),),
        categories=(group("Stationery and craft", 3, "10720.5", "2380.9000"),),
        products=(),
        top=_DAY_TOP,
    ),
    None,
    odd_runs=(57, 59),
)

ERRORS_ONLY = Facts(
    9,
    None,
    Errors(
        totals=ErrorTotals(
            5, 142, datetime(2011, 12, 8, 20, 4, tzinfo=UTC), DAY_SEEN, rows_in=8120
        ),
        rules=(
            replace(NO_PRICE, lines=4, often=(("22501", 4),)),
            RuleFacts(
                rule="malformed_row",
                lines=1,
                raw={"invoice_no": "581500", "line_no": "x", "quantity": "0", "country": None},
                source_file="transactions_20111209T1200.csv",
                source_line=80,
            ),
        ),
    ),
    error_runs=(60,),
)

DUE = datetime(2011, 12, 9, 10, tzinfo=UTC)
NO_LIST = "the products list of 2011-12-09 is not in gold (the latest is of 2011-12-08)"
NO_WINDOW = "of the last 6 transaction windows 1 not in gold: 2011-12-09 04:00"
LATE = Facts(
    10,
    None,
    None,
    late=(
        LateView("v_anomaly_coverage", DUE, (NO_LIST, NO_WINDOW)),
        LateView("v_price_history", DUE, (NO_LIST,)),
        LateView("v_sales_by_category", DUE, (NO_LIST, NO_WINDOW)),
    ),
    late_runs=(61,),
)
LATE_AND_MORE = replace(
    DAY, errors=ERRORS_ONLY.errors, error_runs=(60,), late=LATE.late[1:2], late_runs=(61,)
)

HELD = Facts(
    12,
    None,
    None,
    held=(
        HeldBack(
            "5f" * 32,
            ("transactions_20110118T0800.csv",),
            "transactions_20110118T0800.csv: 812 of 2,000 lines malformed (40.6%)",
            "at most 5.0% malformed, from 1,000 lines up",
            SEEN,
        ),
        HeldBack(
            "2011-01-18 sales",
            tuple(f"transactions_20110118T{hour:02}00.csv" for hour in (8, 12, 16, 20)),
            "2011-01-18: sales of 9,534,808.00, 293.7 times the median sales (32,461.41) of the"
            " 28 trading days before",
            "at most 20 times the median: 649,228.20",
            SEEN,
        ),
    ),
    held_runs=(62,),
)
CHECKS = Facts(
    13,
    None,
    None,
    failed=(
        FailedCheck(
            "lines_of_bronze_and_gold",
            "fail",
            "lines 541,003, quantity 5,197,671, hash 311",
            "lines 541,004, quantity 5,197,677, hash 312",
            SEEN,
        ),
        FailedCheck(
            "transactions_are_fresh", "warn", "2011-12-09 16:00", "2026-11-20 06:12 or later", SEEN
        ),
    ),
    failed_runs=(63,),
)
ALL_ALERTS = replace(
    LATE_AND_MORE, held=HELD.held[:1], held_runs=(62,), failed=CHECKS.failed[1:], failed_runs=(63,)
)
