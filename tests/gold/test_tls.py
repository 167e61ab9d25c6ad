"""Gold across a network: encrypted, from a server that is the one it says, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from jobs.common.contracts import DW_DIM_COUNTRIES
from jobs.common.db import connect
from jobs.common.errors import UsageError
from jobs.common.roles import administrator
from jobs.common.settings import Settings
from jobs.gold.load_dw import extract
from tests.support import tls
from tests.support.databases import query

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INSISTENT = ["require", "verify-ca", "verify-full"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca of ours.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(scope="module")
def safe(gold_settings: Settings, authority: trustme.CA, ca_file: str) -> Iterator[Settings]:
    """Gold behind TLS, with a certificate for the name that it is asked by."""
    query(gold_settings, "INSERT INTO dim_countries (country_sk, country_id, country)"
                         " VALUES (250, 250, 'France')")  # fmt: skip
    with tls.before(gold_settings.gold_port, authority.issue_cert("localhost")) as port:
        yield behind(gold_settings, port, ca_file)


def behind(settings: Settings, port: int, ca_file: str) -> Settings:
    return settings.model_copy(
        update={
            "gold_host": "localhost",
            "gold_port": port,
            "gold_sslmode": "verify-full",
            "database_ca_file": ca_file,
        }
    )


@pytest.fixture
def foreign_ca(tmp_path: Path) -> str:
    path = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return str(path)


@pytest.mark.parametrize("mode", INSISTENT)
def test_jobs_work_over_tls(safe: Settings, mode: str) -> None:
    settings = safe.model_copy(update={"gold_sslmode": mode})

    connection = connect(settings)

    assert connection.info.ssl_in_use
    connection.close()
    assert query(settings, "SELECT country FROM dim_countries") == [("France",)]


@pytest.mark.parametrize("mode", INSISTENT)
def test_a_server_without_tls_is_never_talked_to_in_clear_text(
    gold_settings: Settings, mode: str, ca_file: str
) -> None:
    settings = behind(gold_settings, gold_settings.gold_port, ca_file)
    settings = settings.model_copy(update={"gold_sslmode": mode})

    for log_in in (connect, lambda s: administrator(s, "postgres").__enter__()):
        with pytest.raises(UsageError, match="SSL was required"):
            log_in(settings)


def test_another_authoritys_certificate_is_refused(safe: Settings, foreign_ca: str) -> None:
    with pytest.raises(UsageError, match="certificate verify failed"):
        connect(safe.model_copy(update={"database_ca_file": foreign_ca}))


def test_a_certificate_for_another_host_is_refused(
    safe: Settings, gold_settings: Settings, authority: trustme.CA
) -> None:
    other = authority.issue_cert("gold.example.com")
    with tls.before(gold_settings.gold_port, other) as port:
        with pytest.raises(UsageError, match="does not match host name"):
            connect(safe.model_copy(update={"gold_port": port}))


def test_spark_reads_gold_over_tls_alike(
    spark: SparkSession, safe: Settings, gold_settings: Settings, foreign_ca: str
) -> None:
    rows = extract(spark, safe, DW_DIM_COUNTRIES, []).select("country").collect()
    assert [tuple(row) for row in rows] == [("France",)]

    clear = behind(gold_settings, gold_settings.gold_port, safe.database_ca_file)
    with pytest.raises(Exception, match="does not support SSL"):
        extract(spark, clear, DW_DIM_COUNTRIES, [])
    with pytest.raises(Exception, match="PKIX path"):
        extract(spark, safe.model_copy(update={"database_ca_file": foreign_ca}),
                DW_DIM_COUNTRIES, [])  # fmt: skip
