"""The schema of the Hive metastore, made once in its own Postgres database.

DataNucleus' own tool makes it from the `package.jdo` in Hive's jar: letting the client
create tables as it needs them (`datanucleus.schema.autoCreateAll`) deadlocks on Postgres.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection

from embedded.home import write_private
from embedded.jars import jar
from embedded.java import java_home
from embedded.spark import spark_home
from jobs.common.addresses import jdbc_url, metastore_dsn
from jobs.common.errors import TransientError
from jobs.common.session import as_properties
from jobs.common.settings import Settings

HIVE_VERSION = "2.3.0"  # the schema's version; all of Hive 2.3 has it
TOOL = "org.datanucleus.store.schema.SchemaTool"
INSERT_VERSION = """
INSERT INTO "VERSION" ("VER_ID", "SCHEMA_VERSION", "VERSION_COMMENT")
VALUES (1, %s, 'made by set-up') ON CONFLICT DO NOTHING
"""


def schema_version(settings: Settings) -> str | None:
    """The recorded version; None when the schema isn't there, or only half of it."""
    with closing(_connect(settings)) as conn, conn, conn.cursor() as cur:
        cur.execute("SELECT to_regclass('\"VERSION\"') IS NOT NULL")
        if cur.fetchone() != (True,):
            return None
        cur.execute('SELECT "SCHEMA_VERSION" FROM "VERSION"')
        row = cur.fetchone()
    return str(row[0]) if row else None


def create_schema(settings: Settings) -> bool:
    """Make the schema unless it is there (then False).

    Raises:
        TransientError: the schema tool failed.
    """
    if schema_version(settings) is not None:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        _run_tool(settings, Path(scratch))
    # The row comes last: without it the next set-up starts the tool again, which adds the rest.
    with closing(_connect(settings)) as conn, conn, conn.cursor() as cur:
        cur.execute(INSERT_VERSION, (HIVE_VERSION,))
    return True


def _run_tool(settings: Settings, scratch: Path) -> None:
    spark_jars = spark_home() / "jars"
    hive_jar = next(spark_jars.glob("hive-metastore-*.jar"))
    with zipfile.ZipFile(hive_jar) as archive:
        mapping = archive.extract("package.jdo", scratch)
    properties = scratch / "metastore.properties"
    write_private(properties, _properties(settings))
    command = [
        *(str(java_home() / "bin" / "java"), "-cp", os.pathsep.join(_class_path(spark_jars))),
        *(TOOL, "-create", "-api", "JDO", "-props", str(properties), mapping),
    ]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = " | ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise TransientError(f"the metastore schema could not be made: {reason}")


def _class_path(spark_jars: Path) -> list[str]:
    return [str(spark_jars / "*"), str(jar("org.postgresql"))]


def _properties(settings: Settings) -> str:
    values = {
        "javax.jdo.PersistenceManagerFactoryClass": (
            "org.datanucleus.api.jdo.JDOPersistenceManagerFactory"
        ),
        "javax.jdo.option.ConnectionDriverName": "org.postgresql.Driver",
        "javax.jdo.option.ConnectionURL": jdbc_url(metastore_dsn(settings)),
        "javax.jdo.option.ConnectionUserName": settings.metastore_db_user,
        "javax.jdo.option.ConnectionPassword": settings.metastore_db_password.get_secret_value(),
        # As Hive itself has them; other identifiers would be other tables.
        "datanucleus.identifierFactory": "datanucleus1",
        "datanucleus.rdbms.useLegacyNativeValueStrategy": "true",
    }
    return as_properties(values)


def _connect(settings: Settings) -> Connection:
    try:
        connection: Connection = psycopg2.connect(**metastore_dsn(settings))
    except psycopg2.OperationalError as error:
        raise TransientError(
            f"cannot log in to the metastore's database: {str(error).strip()}",
            where=jdbc_url(metastore_dsn(settings)),
        ) from None
    return connection
