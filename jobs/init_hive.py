"""Makes the lake's databases and tables now, rather than with the first job that needs them.

Harmless when they exist. Files that an earlier lake left at their locations don't stop it.
"""

from __future__ import annotations

import typer

from jobs.common.contracts import BRONZE_TABLES, DW_TABLES
from jobs.common.errors import WarehouseError
from jobs.common.job import JobContext, run_main, say
from jobs.common.lake import make_tables
from jobs.metastore import LakeFiles, Metastore

JOB = "init_hive"


def run(context: JobContext) -> None:
    """Make what is missing.

    Raises:
        WarehouseError: tables are there by name, but their files are gone.
    """
    lake = LakeFiles(context.session, context.settings.lake)
    lost = [table.name for table in Metastore(context.session).tables(lake) if table.is_lost]
    if lost:  # Spark could neither make nor open them
        raise WarehouseError(
            f"the files of these tables are gone: {', '.join(lost)}",
            where=context.settings.lake,
            do="restore the lake, or look at what scripts/run_reset.sh would remove",
        )
    make_tables(context.session, context.settings)
    count = len(BRONZE_TABLES + DW_TABLES)
    say(f"{count} tables are there, below {context.settings.lake}")


def main() -> None:
    """Make the lake's databases and tables where they are missing."""
    run_main(JOB, run)


if __name__ == "__main__":
    typer.run(main)
