"""Servers that clients cannot use: TLS with a certificate that no one trusts, and one fixed response to everything."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@contextmanager
def tls_listener(folder: Path) -> Iterator[str]:
    """Yield the address of a listener that accepts TLS connections only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(folder / "server.pem"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, context), daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def replying(response: bytes) -> Iterator[str]:
    """Yield the address of a listener that sends the same bytes to everyone and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_response, args=(server, response), daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def _response(server: socket.socket, response: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with suppress(OSError), connection:
                connection.recv(65536)
                connection.sendall(response)


def _serve(server: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_handshake, args=(connection, context), daemon=True).start()


def _handshake(connection: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError), connection:
        context.wrap_socket(connection, server_side=True).recv(1)


def _self_signed(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, pkcs8, plain) + certificate.public_bytes(pem))
    return path
