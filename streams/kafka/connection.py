"""How every Kafka client of ours connects: one place for TLS, SASL and the refusal of plaintext beyond this machine."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.settings import SettingsError

if TYPE_CHECKING:
    from streams.settings import Settings


def connection(settings: Settings) -> dict[str, Any]:
    """What aiokafka's clients need to connect, besides the address. Raises SettingsError.

    TLS is at least 1.2 with the host name checked; secrets come from files, never from the command line.
    """
    encrypted = settings.security.endswith("ssl")
    if not encrypted and not settings.allow_plaintext:
        beyond = [broker for broker in settings.brokers.split(",") if not is_loopback(host_of(broker))]
        if beyond:
            raise SettingsError(
                f"security: wanted ssl or sasl_ssl for {', '.join(beyond)}, got {settings.security}: customers' records would cross the network readable by anyone; "
                "set security, or allow_plaintext = true if the network is yours alone"
            )
    options: dict[str, Any] = {"security_protocol": settings.security.upper()}
    if encrypted:
        options["ssl_context"] = tls(settings)
    if settings.security.startswith("sasl"):
        if not settings.sasl_user or not settings.sasl_password_file:
            raise SettingsError(f"security: {settings.security} wants sasl_user and sasl_password_file, got {'no user' if not settings.sasl_user else 'no password file'}")
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_user,
            "sasl_plain_password": secret("sasl_password_file", settings.sasl_password_file),
        }
    return options


def tls(settings: Settings) -> ssl.SSLContext:
    """The client's side of TLS; with cert_file it proves who it is. Raises SettingsError."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as error:  # includes ssl.SSLError
        named = ", ".join(f"{name} {path}" for name in ("ca_file", "cert_file", "key_file") if (path := getattr(settings, name)))
        raise SettingsError(f"security: wanted readable PEM files, got {named}: {error.strerror or type(error).__name__}") from error
    return context


def secret(name: str, path: str) -> str:
    """The first line of a file. Raises SettingsError."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: wanted a readable text file, got {path}: {type(error).__name__}") from error
    if not lines or not lines[0]:
        raise SettingsError(f"{name}: wanted a secret in the first line of {path}, got none")
    return lines[0]


def host_of(address: str) -> str:
    """The host of HOST:PORT, also of [::1]:9092."""
    return address.strip().rpartition(":")[0].strip("[]")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, without asking name resolution."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
