"""What the tests' Dovecots are told, in the syntax of the Dovecot that is here: 2.3 (Debian 12) or 2.4 (Debian 13)."""

from __future__ import annotations

import subprocess
from functools import cache

DOVECOT = "/usr/sbin/dovecot"


@cache
def newer() -> bool:
    """Whether it is of the second syntax."""
    said = subprocess.run([DOVECOT, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(map(int, said.split(".")[:2])) >= (2, 4)


def head() -> str:
    """The first lines of a whole configuration."""
    return "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n" if newer() else ""


def people(place: str, user: str, secret: str = "secret") -> str:
    """Anybody with this secret has a mailbox in `place`, which is kept as this user."""
    if newer():
        return f"""
auth_username_format = %{{user | lower}}
mail_driver = maildir
mail_home = {place}/%{{user | domain}}/%{{user | username}}
mail_path = ~
mail_inbox_path = ~
{password(secret)}userdb static {{
  allow_all_users = yes
  fields {{
    uid = {user}
    gid = {user}
  }}
}}
"""
    return f"""
auth_username_format = %Lu
mail_location = maildir:{place}/%d/%n
{password(secret)}userdb {{
  driver = static
  args = uid={user} gid={user} home={place}/%d/%n allow_all_users=yes
}}
"""


def password(secret: str) -> str:
    """Whoever says it is let in."""
    if newer():
        return f"passdb static {{\n  password = {secret}\n}}\n"
    return f"passdb {{\n  driver = static\n  args = password={secret}\n}}\n"


def lmtp(port: int) -> str:
    """Mail is taken in there."""
    word = "listen" if newer() else "address"
    said = f"service lmtp {{\n  inet_listener lmtp {{\n    {word} = 127.0.0.1\n    port = {port}\n  }}\n}}\n"
    # Debian 13 has whoever is written to without the domain.
    return said + ("protocol lmtp {\n  auth_username_format = %{user | lower}\n}\n" if newer() else "")


def open_talk() -> str:
    """Whoever likes is spoken to without TLS, on this machine."""
    return "ssl = no\n" + ("auth_allow_cleartext = yes\n" if newer() else "disable_plaintext_auth = no\n")


def certified(file: str) -> str:
    """Nobody is spoken to but over TLS, with the key and the certificate of this file."""
    names = ("ssl_server_cert_file = ", "ssl_server_key_file = ") if newer() else ("ssl_cert = <", "ssl_key = <")
    return "".join(f"{name}{file}\n" for name in ("ssl = required\n" + names[0], names[1]))


def sorted_at_delivery() -> str:
    """Sieve sees each mail that comes."""
    plugins = "mail_plugins {\n    sieve = yes\n  }" if newer() else "mail_plugins = sieve"
    return f"protocol lmtp {{\n  {plugins}\n}}\n"


def sorted_last_by(script: str) -> str:
    """This script, when all others have had their say."""
    if newer():
        return f"sieve_script filter {{\n  type = after\n  path = {script}\n}}\n"
    return f"plugin {{\n  sieve_after = {script}\n}}\n"


def asks_a_service(url: str, settings: str) -> str:
    """Tokens are asked about there; the older syntax has that in a file of its own, which is written to `settings`."""
    lines = [
        f"introspection_mode = post\nintrospection_url = {url}\n",
        "username_attribute = username\nactive_attribute = active\nactive_value = true\n",
    ]
    if newer():
        return "passdb oauth2 {\n}\noauth2 {\n" + "".join(lines) + "}\n"
    with open(settings, "w", encoding="utf-8") as out:
        out.writelines(lines)
    return f"passdb {{\n  driver = oauth2\n  args = {settings}\n}}\n"
