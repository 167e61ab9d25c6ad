"""The Hive metastore service, from pyspark's own jars; its schema is made first."""

from __future__ import annotations

import socket
import struct
from string import Template
from xml.sax.saxutils import escape

from cluster.process import SECONDS_TO_ANSWER, Process, class_path, java, make_directories
from cluster.settings import ServiceSettings
from embedded.home import write_private
from embedded.jars import jar
from embedded.metastore import create_schema
from embedded.spark import spark_home
from jobs.common.addresses import jdbc_url, metastore_dsn
from jobs.common.errors import TransientError
from jobs.common.settings import PROJECT_ROOT, Settings, load_settings

SOURCE = PROJECT_ROOT / "hive" / "Metastore.java"
SITE = PROJECT_ROOT / "hive" / "metastore-site.xml"
LOG4J = PROJECT_ROOT / "cluster" / "log4j2.properties"
# A Thrift call `get_all_databases()`, binary protocol: version and type, name, sequence, stop.
CALL = b"get_all_databases"
REQUEST = struct.pack("!Ii", 0x80010001, len(CALL)) + CALL + struct.pack("!ib", 1, 0)
REPLY = struct.pack("!Ii", 0x80010002, len(CALL)) + CALL


def make_schema() -> bool:
    """The schema step: False when it was there.

    Raises:
        TransientError: the database doesn't answer.
    """
    return create_schema(load_settings())


def metastore(settings: ServiceSettings) -> Process:
    """The service."""
    conf = settings.service_data / "conf"
    make_directories([settings.service_data, conf])
    write_private(conf / "hive-site.xml", site(load_settings()))
    path = class_path(conf, spark_home() / "jars" / "*", jar("org.postgresql"))
    log = f"-Dlog4j2.configurationFile={LOG4J.as_uri()}"
    compiler = ("org.codehaus.janino.SimpleCompiler", str(SOURCE), SOURCE.stem)
    address = (settings.service_bind, str(settings.metastore_port))
    return Process([*java(settings, log, "-cp", path), *compiler, *address])


def site(settings: Settings) -> str:
    """The configuration file; it holds the database's password."""
    values = {
        "url": jdbc_url(metastore_dsn(settings)),
        "user": settings.metastore_db_user,
        "password": settings.metastore_db_password.get_secret_value(),
        "lake": settings.lake,
    }
    text = Template(SITE.read_text(encoding="utf-8"))
    return text.substitute({name: escape(value) for name, value in values.items()})


def check(settings: ServiceSettings) -> str:
    """Whether the service answers a question that only its database can tell.

    Raises:
        TransientError: it doesn't.
    """
    where = (settings.reached_at, settings.metastore_port)
    try:
        with socket.create_connection(where, timeout=SECONDS_TO_ANSWER) as connection:
            connection.sendall(REQUEST)
            answer = connection.recv(4096)
    except OSError as error:
        raise TransientError(f"no answer: {error}", where=f"{where[0]}:{where[1]}") from None
    if not answer.startswith(REPLY):
        raise TransientError("the metastore answers, but not from its database")
    return "answers from its database"
