"""The signed messages and keys of RFC 8463 appendix A and RFC 6376 appendix A, and a signer for our own."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from antiphon.formats.dkim import KeyAnswer, KeyStatus
from antiphon.formats.message import canonical_body

TEXT = b"""From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""
RFC8463 = (
    b"""DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
"""
    + TEXT
).replace(b"\n", b"\r\n")
RFC6376 = (
    b"""DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
     c=simple/simple; q=dns/txt; i=joe@football.example.com;
     h=Received : From : To : Subject : Date : Message-ID;
     bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
     b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
     4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
     KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
     4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
     by submitserver.example.com with SUBMISSION;
     Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
"""
    + TEXT
).replace(b"\n", b"\r\n")
ED25519_RECORD = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RSA_RECORD = (
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
    "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
    "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
    "Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)


def found(name: str, record: str) -> KeyAnswer:
    """An answer from DNS that holds `record`."""
    return KeyAnswer(name, record, KeyStatus.FOUND, ttl=3600)


RFC8463_KEYS = {
    name: found(name, record)
    for name, record in {
        "brisbane._domainkey.football.example.com": ED25519_RECORD,
        "test._domainkey.football.example.com": RSA_RECORD,
    }.items()
}

SIGNER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EDWARDS = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NEWSLETTER = {
    "From": "News <news@shop.example>",
    "To": "member@home.example",
    "Date": "Mon, 01 Jun 2026 10:00:00 +0000",
    "Message-ID": "<1@shop.example>",
    "Subject": "Offers of the week",
    "List-Unsubscribe": "<https://shop.example/u/k3j5h2g9d8s7a6>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}


def record_of(key: rsa.RSAPrivateKey | Ed25519PrivateKey, extra: str = "") -> str:
    """The DNS record of a key."""
    if isinstance(key, Ed25519PrivateKey):
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519;{extra} p={b64encode(public).decode()}"
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa;{extra} p={b64encode(public).decode()}"


def sign(
    headers: dict[str, str],
    body: bytes = b"Hello.\r\n",
    *,
    domain: str = "shop.example",
    selector: str = "s1",
    key: rsa.RSAPrivateKey | Ed25519PrivateKey = SIGNER,
    covers: tuple[str, ...] = ("From", "To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"),
    tags: str = "",
    algorithm: str = "",
) -> bytes:
    """A message with a relaxed/relaxed signature on top, made independently of the code under test."""
    algorithm = algorithm or ("ed25519-sha256" if isinstance(key, Ed25519PrivateKey) else "rsa-sha256")
    digest = SHA1() if algorithm == "rsa-sha1" else SHA256()
    fields = dict(headers)
    lines = [f"{n.lower()}:{' '.join(fields.pop(n).split())}\r\n" for n in covers if n in fields]
    hashed = _digest(canonical_body(body, relaxed=True), algorithm)
    value = (
        f"v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};{tags} h={':'.join(covers)}; "
        f"bh={b64encode(hashed).decode()}; b="
    )
    data = ("".join(lines) + "dkim-signature:" + value).encode()
    if isinstance(key, Ed25519PrivateKey):
        made = key.sign(sha256(data).digest())
    else:
        made = key.sign(data, padding.PKCS1v15(), digest)
    head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    return f"DKIM-Signature: {value}{b64encode(made).decode()}\r\n{head}\r\n".encode() + body


def _digest(data: bytes, algorithm: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import Hash

    hasher = Hash(SHA1() if algorithm == "rsa-sha1" else SHA256())
    hasher.update(data)
    return hasher.finalize()


def keys_for(
    key: rsa.RSAPrivateKey | Ed25519PrivateKey = SIGNER, extra: str = "", **named: str
) -> dict[str, KeyAnswer]:
    """The answers for signatures made by `sign` with this key."""
    name = f"{named.get('selector', 's1')}._domainkey.{named.get('domain', 'shop.example')}"
    return {name: found(name, record_of(key, extra))}
