"""Settings of the services: environment variables, a field's name in capitals."""

from __future__ import annotations

import socket
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.common.errors import UsageError
from jobs.common.guards import refuse_samples
from jobs.common.settings import problems_of

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - in a container, whose network says who reaches it


class ServiceSettings(BaseSettings):
    """What a service is told; hosts and ports are those that all services know each other by."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    # this service
    service_host: str = Field(default_factory=socket.gethostname)
    service_bind: str = ANY_ADDRESS
    service_data: Path = Path("/data")
    service_memory: str = "512m"

    # HDFS
    namenode_host: str = "namenode"
    namenode_port: int = 8020
    namenode_http_port: int = 9870
    datanode_port: int = 9866
    datanode_http_port: int = 9864
    datanode_ipc_port: int = 9867
    hdfs_replication: int = Field(default=1, ge=1)

    # Hive metastore; its database is that of jobs.common.settings
    metastore_port: int = 9083

    # Spark
    spark_master_host: str = "spark-master"
    spark_master_port: int = 7077
    spark_master_ui_port: int = 8080
    spark_worker_ui_port: int = 8081
    spark_worker_cores: int = Field(default=2, ge=1)
    spark_worker_memory: str = "4g"
    spark_history_port: int = 18080
    spark_event_log_uri: str = ""
    spark_auth_secret: SecretStr = SecretStr("")

    # Jenkins agent
    jenkins_url: str = "http://jenkins:8080"
    jenkins_agent_name: str = "spark"
    jenkins_agent_user: str = "agent"
    jenkins_agent_password: SecretStr = SecretStr("")
    jenkins_agent_java_home: str = ""  # Jenkins may ask for a newer Java than Spark

    # Host names for Java alone, as in /etc/hosts; empty: the system's
    java_hosts_file: str = ""

    @property
    def reached_at(self) -> str:
        """Where this service answers, as seen from its own machine."""
        return self.service_host if self.service_bind == ANY_ADDRESS else self.service_bind

    @property
    def master_uri(self) -> str:
        """The master's address, for workers and applications."""
        return f"spark://{self.spark_master_host}:{self.spark_master_port}"

    @property
    def namenode_uri(self) -> str:
        """The root of HDFS."""
        return f"hdfs://{self.namenode_host}:{self.namenode_port}"


def load_service_settings() -> ServiceSettings:
    """Read them afresh.

    Raises:
        UsageError: a value is of the wrong form, or a password is a sample.
    """
    try:
        settings = ServiceSettings()
    except ValidationError as error:
        raise UsageError(
            f"settings are not usable: {problems_of(error)}",
            where="the environment",
            do="correct the value; .env.example describes each",
        ) from None
    refuse_samples(settings)
    return settings
