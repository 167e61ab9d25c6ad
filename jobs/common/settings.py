"""Every setting of the warehouse: typed, documented in `.env.example`, secrets masked.

Precedence: environment, then `$WAREHOUSE_HOME/embedded.env` (ports and passwords that
set-up generated), then `.env` in the working directory, then the defaults here.
"""

from __future__ import annotations

import os
from datetime import time
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.common.errors import UsageError
from jobs.common.guards import refuse_clear_text, refuse_open_files, refuse_samples

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DEFAULT_HOME = ".warehouse"
FEWEST_MONTHS = 25

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class Settings(BaseSettings):
    """One object for all jobs; a field's name in capitals is its variable."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    # where things are
    warehouse_home: Path = Path(DEFAULT_HOME)
    warehouse_mode: Literal["embedded", "cluster"] = "embedded"
    landing_uri: str = ""
    lake_uri: str = ""

    # Spark
    spark_master: str = "local[*]"
    spark_driver_memory: str = "3g"
    spark_class_archive: bool = True
    spark_quick_compiler: Literal["auto", "always", "never"] = "auto"
    spark_driver_host: str = ""
    spark_executor_memory: str = "2g"
    spark_executor_cores: int = Field(0, ge=0)
    spark_executors: int = Field(0, ge=0)
    spark_dynamic_allocation: bool = False
    spark_shuffle_partitions: int = Field(4, ge=1)
    load_parallelism: int = Field(8, ge=1)
    spark_auth_secret: SecretStr = SecretStr("")
    spark_event_log_uri: str = ""
    spark_conf_file: str = ""
    hdfs_replication: int = Field(1, ge=1)
    java_hosts_file: str = ""

    # Hive metastore: a thrift URI on a cluster, else its database (embedded client)
    metastore_uri: str = ""
    metastore_db_host: str = "127.0.0.1"
    metastore_db_port: int = 5432
    metastore_db_name: str = "hive_metastore"
    metastore_db_user: str = "hive"
    metastore_db_password: SecretStr = SecretStr("")
    metastore_db_sslmode: SslMode = "prefer"

    # gold
    gold_host: str = "127.0.0.1"
    gold_port: int = 5432
    gold_db: str = "ecommerce_gold"
    gold_sslmode: SslMode = "prefer"
    gold_admin_user: str = "postgres"
    gold_admin_password: SecretStr = SecretStr("")
    gold_owner_user: str = "warehouse_owner"
    gold_owner_password: SecretStr = SecretStr("")
    gold_loader_user: str = "warehouse_loader"
    gold_loader_password: SecretStr = SecretStr("")
    gold_analyst_user: str = "warehouse_analyst"
    gold_analyst_password: SecretStr = SecretStr("")
    gold_reader_user: str = "warehouse_reader"
    gold_reader_password: SecretStr = SecretStr("")
    gold_customer_user: str = "customer_reader"
    gold_customer_password: SecretStr = SecretStr("")

    # of both databases
    database_ca_file: str = ""
    clear_text_hosts: str = ""

    # rules
    products_missing: Literal["ignore", "invalidate"] = "ignore"
    products_max_shrink: float = Field(0.5, ge=0, le=1)
    countries_max_shrink: float = Field(0.5, ge=0, le=1)
    breaker_max_malformed: float = Field(0.05, ge=0, le=1)
    breaker_min_rows: int = Field(1000, ge=1)
    breaker_max_jump: float = Field(20.0, gt=1, allow_inf_nan=False)
    anomaly_k: float = Field(2.0, gt=0)
    anomaly_baseline: Literal["monthly", "all"] = "monthly"
    anomaly_min_lines: int = Field(10, ge=2)

    # runs
    warehouse_build: str = ""
    lock_wait_seconds: int = Field(900, ge=0)
    ready_by: time = time(10)
    check_fresh_hours: int = Field(24, ge=1)

    # maintenance
    maintain_keep_days: int = Field(7, ge=1)
    maintain_orphan_days: int = Field(3, ge=1)
    maintain_min_files: int = Field(5, ge=2)
    log_keep_days: int = Field(30, ge=1)

    # at least two years: a line is scored by 12 months, and a restated one of these is, too
    gold_keep_months: int = Field(0, ge=0)

    # mail
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_ca_file: str = ""
    smtp_timeout_seconds: int = Field(30, ge=1)
    mail_from: str = "warehouse@localhost"
    mail_to: str = "data-stewards@localhost"
    link_dashboard: str = ""
    link_runs: str = ""

    @field_validator("gold_keep_months")
    @classmethod
    def _two_years(cls, months: int) -> int:
        if 0 < months < FEWEST_MONTHS:
            raise ValueError(f"is 0, for all months, or at least {FEWEST_MONTHS}")
        return months

    @property
    def home(self) -> Path:
        """The absolute state directory."""
        return self.warehouse_home.expanduser().resolve()

    @property
    def landing(self) -> str:
        """URI of the landing directory, no trailing slash."""
        return (self.landing_uri or f"file://{self.home / 'landing'}").rstrip("/")

    @property
    def lake(self) -> str:
        """URI below which the Hive databases lie, no trailing slash."""
        return (self.lake_uri or f"file://{self.home / 'lake'}").rstrip("/")

    @property
    def is_local(self) -> bool:
        """Whether Spark's driver is all of Spark."""
        return self.spark_master.startswith("local")

    @property
    def recipients(self) -> list[str]:
        """The stewards' addresses."""
        return [part.strip() for part in self.mail_to.split(",") if part.strip()]


def env_files(home: Path) -> tuple[Path, Path]:
    """The files that settings come from, the stronger last."""
    return Path(".env"), home / "embedded.env"


def load_settings() -> Settings:
    """Read the settings afresh.

    Raises:
        UsageError: a value is missing or of the wrong form, or lets someone in.
    """
    home = Path(os.environ.get("WAREHOUSE_HOME") or _home_from_dotenv()).expanduser().resolve()
    refuse_open_files(env_files(home))
    try:
        settings = Settings(_env_file=env_files(home), _env_file_encoding="utf-8")  # type: ignore[call-arg]
    except ValidationError as error:
        raise UsageError(
            f"settings are not usable: {problems_of(error)}",
            where="the environment, .env or embedded.env",
            do="correct the value; .env.example describes each",
        ) from None
    refuse_samples(settings)
    refuse_clear_text(settings)
    return settings.model_copy(update={"warehouse_home": home})


def problems_of(error: ValidationError) -> str:
    """What is wrong with which variable; values are left out, since some are secret."""
    return "; ".join(f"{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())


def _home_from_dotenv() -> str:
    from dotenv import dotenv_values

    return dotenv_values(".env").get("WAREHOUSE_HOME") or DEFAULT_HOME


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
