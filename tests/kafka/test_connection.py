"""How clients connect: plaintext stays on this machine, secrets come from files, mistakes are reported in one line."""

from __future__ import annotations

import ssl

import pytest

from streams.kafka.connection import connection
from streams.settings import SettingsError, load


def options(**given):
    return connection(load(given, environ={}))


def test_plaintext_goes_to_this_machine_alone_unless_it_is_asked_for():
    for mine in ("127.0.0.1:9092", "localhost:9092,127.0.0.2:9093", "[::1]:9092"):
        assert options(brokers=mine) == {"security_protocol": "PLAINTEXT"}
    for security in ("plaintext", "sasl_plaintext"):
        with pytest.raises(SettingsError, match=r"wanted ssl or sasl_ssl for kafka-1:9092, got "):
            options(brokers="127.0.0.1:9092,kafka-1:9092", security=security)
    assert options(brokers="kafka-1:9092", allow_plaintext=True) == {"security_protocol": "PLAINTEXT"}


def test_tls_checks_the_host_and_is_at_least_1_2():
    given = options(brokers="kafka-1:9092", security="ssl")
    context = given["ssl_context"]
    assert (context.check_hostname, context.verify_mode, context.minimum_version) == (True, ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_2)


def test_the_password_is_the_first_line_of_a_file_and_is_never_shown(tmp_path):
    file = tmp_path / "password"
    file.write_text("hush\nsecond line\n")
    given = {"security": "sasl_plaintext", "sasl_user": "kairos", "sasl_password_file": str(file)}
    assert options(**given) == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "kairos",
        "sasl_plain_password": "hush",
    }
    assert "hush" not in repr(load(given, environ={}))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"security": "sasl_ssl"}, "sasl_ssl wants sasl_user and sasl_password_file, got no user"),
        ({"security": "sasl_ssl", "sasl_user": "k"}, "got no password file"),
        ({"security": "sasl_ssl", "sasl_user": "k", "sasl_password_file": "/nowhere"}, "sasl_password_file: wanted a readable text file, got /nowhere"),
        ({"security": "ssl", "ca_file": "/nowhere"}, "wanted readable PEM files, got ca_file /nowhere"),
    ],
)
def test_mistakes_are_reported_in_one_line(given, says):
    with pytest.raises(SettingsError) as caught:
        options(**given)
    assert says in str(caught.value)
