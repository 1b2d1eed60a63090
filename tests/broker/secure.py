"""A broker that authenticates its clients, certificates for both sides, and the settings of a worker."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.broker.kafka import KafkaBroker, lasting_port

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct-horse"


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certificates(folder: Path) -> None:
    """An authority, and certificates signed by it for the broker and for a worker; another authority nobody trusts."""
    for name in ("ca", "stranger"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    for name in ("broker", "worker"):
        (folder / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(
            folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt"
        )
        (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "wrong").write_text("battery-staple\n")


def secure_broker(folder: Path, config: dict[str, str] | None = None) -> KafkaBroker:
    """A broker, not started yet, with a SASL_SSL listener (SCRAM) and an SSL listener that wants certificates; those are in `folder`."""
    certificates(folder)
    security = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.ssl.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    }
    broker = KafkaBroker(folder / "broker", config=security | (config or {}))
    for name in ("SASL_SSL", "SSL"):
        port = lasting_port()
        broker.listeners[name] = (port, port)
    broker.format_arguments = ["--add-scram", f"SCRAM-SHA-512=[name=kairos,password={PASSWORD}]"]
    return broker


def scram(folder: Path, password: str = "password") -> dict[str, str]:
    """The environment of a worker that connects by SCRAM."""
    return {
        "KAIROS_SECURITY": "sasl_ssl",
        "KAIROS_CA_FILE": str(folder / "ca.pem"),
        "KAIROS_SASL_USER": "kairos",
        "KAIROS_SASL_PASSWORD_FILE": str(folder / password),
    }


def mutual(folder: Path) -> dict[str, str]:
    """The environment of a worker that connects by its certificate."""
    return {"KAIROS_SECURITY": "ssl", "KAIROS_CA_FILE": str(folder / "ca.pem"), "KAIROS_CERT_FILE": str(folder / "worker.pem")}
