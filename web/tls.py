"""TLS with the certificate files that the user provides; nothing is created or fetched here."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class UnusableCertificate(Exception):
    """The text is for a person: which file, and what is wrong with it."""


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: the certificate, with its chain after it, and its private key without a password."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raises `UnusableCertificate`."""
        for path in (self.certificate, self.key):
            try:
                path.open("rb").close()
            except OSError as error:
                raise UnusableCertificate(f"{path} cannot be read ({error.strerror}).") from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise UnusableCertificate(
                f"{self.certificate} and {self.key} are no certificate with its key, in PEM form and without a "
                f"password ({error})."
            ) from error

    def server_options(self) -> dict[str, Any]:
        """What `uvicorn.Config` takes."""
        return {"ssl_certfile": str(self.certificate), "ssl_keyfile": str(self.key)}

    def client_context(self) -> ssl.SSLContext:
        """For the suite's own calls to itself."""
        return trusting(self.certificate)


def trusting(certificate: Path) -> ssl.SSLContext:
    """For calls to this machine's 127.0.0.1: this certificate and no other, whatever name it has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context


def scheme_of(tls: TlsFiles | None) -> str:
    return "https" if tls else "http"


def verification(tls: TlsFiles | None) -> ssl.SSLContext | bool:
    """What `httpx` takes as `verify` for a call to one of our own servers."""
    return tls.client_context() if tls else True


def tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """None where neither is given. Raises `UnusableCertificate`."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UnusableCertificate("TLS needs both files: --tls-cert and --tls-key.")
    files = TlsFiles(certificate.resolve(), key.resolve())
    files.check()
    return files


def _no_password() -> str:
    raise ValueError("the key has a password")
