"""Java options for the proxies of the environment and the certificate authorities of Python."""

import ssl
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

from emulators.failures import EmulatorFailure


def options(trust_store: Path) -> Iterator[str]:
    """Yield Java's options.

    Args:
        trust_store: the file to write the certificate authorities to.

    Raises:
        EmulatorFailure: Python has no certificate authorities.
    """
    yield from _proxy_options()
    _write_trust_store(trust_store)
    yield f"-Djavax.net.ssl.trustStore={trust_store}"
    yield "-Djavax.net.ssl.trustStoreType=PKCS12"
    yield "-Djavax.net.ssl.trustStorePassword=public"


def _proxy_options() -> Iterator[str]:
    """Yield Java's options for the proxies that the environment names."""
    proxies = urllib.request.getproxies()
    for scheme in ("http", "https"):
        parts = urllib.parse.urlsplit(proxies.get(scheme, ""))
        if parts.hostname:
            yield f"-D{scheme}.proxyHost={parts.hostname}"
            yield f"-D{scheme}.proxyPort={parts.port or 80}"


def _write_trust_store(path: Path) -> None:
    """Write the certificate authorities that Python trusts, a company's own among them, for Java."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    entries: list[pkcs12.PKCS12Certificate] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old roots with irregular serial numbers
        for number, der in enumerate(_authorities()):
            try:
                certificate = x509.load_der_x509_certificate(der)
            except ValueError:
                continue  # an unreadable root cannot be trusted
            entries.append(pkcs12.PKCS12Certificate(certificate, f"ca-{number}".encode()))
    if not entries:
        raise EmulatorFailure(
            "Python has no certificate authorities.", "Set SSL_CERT_FILE to a file of certificate authorities."
        )
    path.write_bytes(pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(b"public")))


def _authorities() -> list[bytes]:
    context = ssl.create_default_context()
    folder = ssl.get_default_verify_paths().capath
    if not context.get_ca_certs() and folder:
        for file in sorted(Path(folder).glob("*.[0-9]")):  # the context reads such a folder only while connecting
            context.load_verify_locations(file)
    return context.get_ca_certs(binary_form=True)
