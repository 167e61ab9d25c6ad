"""Makes a seeded synthetic shop and writes its landing files and the truth about them.

    python -m generators.shop --landing DIR --truth FILE [--seed 7] [--days 100] [--start DATE]
        [--scale 1.0] [--wave 1|2] [--codes-from-gold] [--<fault>-rate SHARE ...]

With `--codes-from-gold` it sells what the warehouse lists: GOLD_DSN says where gold is.
Exit codes: 0 done, 2 usage, 3 gold has no products, 75 gold does not answer.
"""

from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from generators.errors import exit_on_error
from generators.landing import write_whole
from generators.shop import FaultRates, Listing, ShopOptions, build_shop, write_shop
from generators.shop.gold import current_listings
from jobs.common.errors import UsageError

SHOP: Final = ShopOptions()
RATES: Final = SHOP.rates
START: Final = datetime.combine(SHOP.start, time())

app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)


def _rate(planted: str) -> Any:
    return typer.Option(min=0.0, max=1.0, help=planted, rich_help_panel="Planted faults")


@app.command()
def main(
    *,
    landing: Annotated[Path, typer.Option(help="Landing directory.", file_okay=False)],
    truth: Annotated[Path, typer.Option(help="Where the truth goes (JSON).", dir_okay=False)],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = SHOP.seed,
    days: Annotated[int, typer.Option(min=1, help="Days the shop is open.")] = SHOP.days,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = START,
    scale: Annotated[float, typer.Option(help="1.0 sells about 200 lines a day.")] = SHOP.scale,
    wave: Annotated[
        int | None, typer.Option(min=1, max=2, help="Only what is on time (1) or late (2).")
    ] = None,
    codes_from_gold: Annotated[
        bool, typer.Option("--codes-from-gold", help="Sell what gold lists.")
    ] = False,
    gold_dsn: Annotated[
        str, typer.Option(envvar="GOLD_DSN", show_default=False, help="Where gold is (libpq).")
    ] = "",
    country_drift: Annotated[bool, typer.Option(help="A later master differs.")] = True,
    unknown_country_rate: Annotated[float, _rate("Share of lines.")] = RATES.unknown_country,
    malformed_rate: Annotated[float, _rate("Share of lines.")] = RATES.malformed,
    no_price_rate: Annotated[float, _rate("Share of lines.")] = RATES.no_price,
    changed_rate: Annotated[float, _rate("Share of lines sent again.")] = RATES.changed,
    late_line_rate: Annotated[float, _rate("Share of lines in a later file.")] = RATES.late_line,
    untidy_rate: Annotated[float, _rate("Share of lines with blanks.")] = RATES.untidy,
    outlier_rate: Annotated[float, _rate("Share of the last month's lines.")] = RATES.outlier,
    repeated_file_rate: Annotated[float, _rate("Share of logs.")] = RATES.repeated_file,
    late_file_rate: Annotated[float, _rate("Share of logs.")] = RATES.late_file,
    late_price_list_rate: Annotated[float, _rate("Share of lists.")] = RATES.late_price_list,
    duplicate_code_rate: Annotated[float, _rate("Codes a list.")] = RATES.duplicate_code,
    bad_product_rate: Annotated[float, _rate("Rows a list.")] = RATES.bad_product,
) -> None:
    """Make a seeded shop with planted faults; again is harmless."""
    with exit_on_error():
        rates = FaultRates(
            unknown_country=unknown_country_rate,
            malformed=malformed_rate,
            no_price=no_price_rate,
            changed=changed_rate,
            late_line=late_line_rate,
            untidy=untidy_rate,
            outlier=outlier_rate,
            repeated_file=repeated_file_rate,
            late_file=late_file_rate,
            late_price_list=late_price_list_rate,
            duplicate_code=duplicate_code_rate,
            bad_product=bad_product_rate,
        )
        options = ShopOptions(seed, start.date(), days, scale, country_drift, rates)
        shop = build_shop(options, _listed(gold_dsn) if codes_from_gold else ())
        written = write_shop(shop, landing, wave)
        truth.parent.mkdir(parents=True, exist_ok=True)
        write_whole(truth, shop.truth)
        typer.echo(f"{landing}: {sum(written)} files written, {written.count(False)} already there")


def _listed(gold_dsn: str) -> list[Listing]:
    if not gold_dsn:
        raise UsageError("--codes-from-gold needs to know where gold is", do="set GOLD_DSN")
    return current_listings(gold_dsn)


if __name__ == "__main__":
    app()
