"""TLS handshakes spoilt on purpose: certificates that no client should take, and none at all."""

from __future__ import annotations

import datetime as dt
import ipaddress
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from mitmproxy import ctx, tls
from OpenSSL import SSL

from faultlab.proxy import reach

ALERT = bytes.fromhex("15 03 03 0002 02 28")
"""A fatal handshake_failure in a record of its own. Source: RFC 8446, sections 5.1 and 6."""

WRONG_NAME = "another-host.invalid"
_DAY = dt.timedelta(days=1)

type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def spoil(data: tls.TlsData, problem: str) -> None:
    """Have a handshake fail in one of the ways of ``HANDSHAKES``, if its client looks; before it has begun."""
    if problem == "abort":
        reach.write(data.context.client, ALERT)
        # Without a certificate mitmproxy cannot go on either, and closes the connection.
        data.ssl_conn = SSL.Connection(SSL.Context(SSL.TLS_SERVER_METHOD))
        data.ssl_conn.set_accept_state()
        return
    config = ctx.master.addons.get("tlsconfig")
    # What mitmproxy prepares is right in all but the certificate; under mitmdump a script is called before it.
    config.tls_start_client(data)
    assert data.ssl_conn is not None
    store = config.certstore
    if problem == "untrusted":
        issuer, key = _stranger()
    else:
        issuer, key = store.default_ca.to_cryptography(), store.default_privatekey
    client = data.context.client
    name = WRONG_NAME if problem == "wrong_name" else client.sni or client.sockname[0]
    certificate, own = _leaf(name, issuer, key, expired=problem == "expired")
    data.ssl_conn.use_certificate(certificate)
    data.ssl_conn.use_privatekey(own)


@cache
def _stranger() -> tuple[x509.Certificate, Key]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority nobody knows")])
    now = dt.datetime.now(dt.UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        _builder(name, name, key, now - _DAY, now + 365 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    return made.sign(key, hashes.SHA256()), key


def _leaf(name: str, issuer: x509.Certificate, key: Key, *, expired: bool) -> tuple[x509.Certificate, Key]:
    own = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    begins, ends = (now - 30 * _DAY, now - _DAY) if expired else (now - _DAY, now + 30 * _DAY)
    try:
        san: Any = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        san = x509.DNSName(name)
    # Clients that verify strictly want the authority's key named as its own certificate names it.
    authority = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    made = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), issuer.subject, own, begins, ends)
        .add_extension(x509.SubjectAlternativeName([san]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), critical=False)
    )
    return made.sign(key, hashes.SHA256()), own


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, begins: dt.datetime, ends: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


__all__ = ["spoil"]
