"""TLS before a Postgres that was built without it: ends it, and passes on what is inside."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import trustme

ASKS_FOR_TLS = struct.pack("!ii", 8, 80877103)
ASKS_FOR_GSS = struct.pack("!ii", 8, 80877104)


@contextmanager
def before(port: int, certificate: trustme.LeafCert) -> Iterator[int]:
    """A port of 127.0.0.1 that talks TLS alone, and leads to another port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context, port), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError):  # the listener was closed
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, context, port), daemon=True).start()


def _serve(client: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError), closing(client):  # the client did not like what it saw
        asked = client.recv(8)
        if asked == ASKS_FOR_GSS:
            client.sendall(b"N")
            asked = client.recv(8)
        if asked != ASKS_FOR_TLS:
            return  # in clear text: there is nobody
        client.sendall(b"S")
        with context.wrap_socket(client, server_side=True) as safe:
            with socket.create_connection(("127.0.0.1", port)) as server:
                back = threading.Thread(target=_pass_on, args=(server, safe), daemon=True)
                back.start()
                _pass_on(safe, server)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
