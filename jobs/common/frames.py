"""Rows that the driver has, as a frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def frame_of(
    spark: SparkSession, rows: Iterable[Sequence[Any]], schema: str | StructType
) -> DataFrame:
    """The rows as a frame whose size Spark knows.

    They cross as Arrow: from a list of tuples, `createDataFrame` would have each job that reads
    them start Python workers, which takes seconds.

    Args:
        spark: the session.
        rows: values in the order of the fields.
        schema: of the frame, maybe as DDL.
    """
    struct: Any = StructType.fromDDL(schema) if isinstance(schema, str) else schema
    arrow = to_arrow_schema(struct)
    columns = list(zip(*rows, strict=True)) or [()] * len(arrow)
    arrays = [pa.array(values, f.type) for values, f in zip(columns, arrow, strict=True)]
    table: Any = pa.Table.from_arrays(arrays, schema=arrow)
    frame: DataFrame = spark.createDataFrame(table, struct)
    return frame
