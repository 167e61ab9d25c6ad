"""The least that a Spark job of ours can do: a session with Hive and Iceberg, a query, stop."""

from jobs.common.session import get_session

spark = get_session("empty")
assert spark.sql("SHOW DATABASES").count() > 0
spark.stop()
