"""One frozen, documented structure: a TOML file, then the environment.

Every field's text below is its documentation: `docs/reference/settings.md` is printed from it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import msgspec.inspect

from antiphon.errors import BrokenSettings

FILE = "settings.toml"
PREFIX = "ANTIPHON_"


def _said(text: str, least: int | None = None, most: int | None = None) -> msgspec.Meta:
    return msgspec.Meta(description=text, ge=least, le=most)


class Operator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers for this node; stands in every notice."""

    legal_name: Annotated[str, _said("The operator's legal name. `arm community` needs it.")] = ""
    postal_address: Annotated[str, _said("A postal address. `arm community` needs it.")] = ""


class Doors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the node listens; an empty value closes that door."""

    lmtp: Annotated[str, _said("host:port for delivery commitments and reports from your own MTA (LMTP).")] = ""
    smtp: Annotated[str, _said("host:port for mail to the node's own domain: answers, bounces, reports (SMTP).")] = ""
    milter: Annotated[str, _said("host:port where Postfix or Sendmail tell of mail as it arrives (milter).")] = ""
    reports: Annotated[
        str, _said("Folder where programs here hand reports in; who may write there is believed. Empty: HOME/reports.")
    ] = ""
    http: Annotated[str, _said("host:port of your own pages: status, sender desk, /metrics and /healthz.")] = (
        "127.0.0.1:8765"
    )
    desk: Annotated[str, _said("host:port of the sender desk alone: what your web server shows under /desk/.")] = ""


class OnCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who of your own house is told when something needs a person: in counts, never by name. Nobody at first."""

    url: Annotated[str, _said("https URL of your own webhook or ntfy topic, POSTed to. No redirect is followed.")] = ""
    url_key: Annotated[
        str, _said("A file with the secret that signs each POST, 16 bytes or more. Without it nothing is POSTed.")
    ] = ""
    plain: Annotated[bool, _said("Whether plain text is POSTed, as ntfy shows it, instead of JSON.")] = False
    mail: Annotated[str, _said("Your own address, told the same by mail.")] = ""
    weekly: Annotated[
        bool, _said("Whether `mail`, an address of a domain that you host, gets the week's digest each Monday.")
    ] = False
    console: Annotated[str, _said("URL of your own pages, as whoever is told reaches them. Empty: doors.http.")] = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of a node. A new node needs none of them."""

    name: Annotated[str, _said("How this node signs its pages and mails.")] = "Antiphon"
    domain: Annotated[str, _said("The node's own mail domain: report addresses, Reply-To, bounces.")] = (
        "antiphon.invalid"
    )
    hosted_domains: Annotated[
        tuple[str, ...], _said("Mail domains that you host: their mailboxes are proved by you.")
    ] = ()
    anchor: Annotated[str, _said("A file outside the home that keeps the newest checkpoint.")] = ""
    window_hours: Annotated[
        int, _said("How long an originator has after being asked: ten business days, or longer.", 384, 8760)
    ] = 384
    two_day_originators: Annotated[
        tuple[str, ...], _said("Originators that a two-day rule binds, by name: they have 72 hours.")
    ] = ()
    openings_years: Annotated[
        int,
        _said("How many years openings of what was spent are kept, sealed: as long as one may go to law.", 1, 30),
    ] = 4
    answer_enrolment: Annotated[
        bool, _said("Whether a member whose mail proved its address gets one answer by mail.")
    ] = False
    xarf_contacts: Annotated[
        tuple[str, ...], _said("Abuse contacts, addresses or domains, that asked for complaints as XARF v4.")
    ] = ()
    authorities: Annotated[
        tuple[str, ...],
        _said(
            "Authorities that may be told of phishing and malware, by their names in the data file. Nobody at first."
        ),
    ] = ()
    authority_file: Annotated[str, _said("A file with further authorities of your own.")] = ""
    language: Annotated[str, _said("Language of notices where the originator's domain does not suggest one.")] = "en"
    public_url: Annotated[str, _said("Where the folder HOME/public is served over https.")] = ""
    provider_map: Annotated[str, _said("A file with further provider map entries of your own.")] = ""
    dns: Annotated[str, _said("address:port of the resolver. Empty: the first one of the system.")] = ""
    rdap: Annotated[str, _said("RDAP bootstrap registry (RFC 9224) for domain names. Empty: no age is asked.")] = (
        "https://data.iana.org/rdap/dns.json"
    )
    rdap_networks: Annotated[str, _said("RDAP bootstrap registry for IPv4 networks.")] = (
        "https://data.iana.org/rdap/ipv4.json"
    )
    rdap_networks_v6: Annotated[str, _said("RDAP bootstrap registry for IPv6 networks.")] = (
        "https://data.iana.org/rdap/ipv6.json"
    )
    master_key: Annotated[
        str, _said("Where the key that wraps all data keys lies. Empty: HOME/keys/master, readable by its owner only.")
    ] = ""
    member_keys_copy: Annotated[
        str, _said("A file outside the home that repeats HOME/keys/members. `init` puts it beside the anchor.")
    ] = ""
    world: Annotated[str, _said("A loopback world's description; set by `antiphon demo` and tests only.")] = ""
    operator: Annotated[Operator, _said("Who answers for this node.")] = Operator()
    doors: Annotated[Doors, _said("Where the node listens.")] = Doors()
    on_call: Annotated[OnCall, _said("Who of your own house is told that something needs a person.")] = OnCall()


def load_settings(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The file at `path` (a missing one means all defaults), then `ANTIPHON_DOORS__LMTP`-like variables.

    Raises BrokenSettings with file, field and advice.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BrokenSettings(f"{path} can not be read: {error}.", advice="Mend or remove the file.") from error
    for name, value in (os.environ if environment is None else environment).items():
        _overlay(table, name, value)
    try:
        settings = msgspec.convert(table, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise BrokenSettings(
            f"{path}: {error}.", advice="`docs/reference/settings.md` lists every setting with its default."
        ) from error
    doors = settings.doors
    for place in (doors.lmtp, doors.smtp, doors.milter, doors.http, doors.desk):
        if place:
            host_and_port(place)
    return settings


# Variables with the prefix that are no settings: where the home and an operator's key file are, and test inputs.
NOT_SETTINGS = frozenset({"GUARD_LOG", "HOME", "OPERATOR_KEY", "REPORTS", "CORPORA", "VECTORS", "COMPLETE"})


LISTS = ("hosted_domains", "two_day_originators", "xarf_contacts", "authorities")


def _overlay(table: dict[str, object], name: str, value: str) -> None:
    if not name.startswith(PREFIX) or name[len(PREFIX) :] in NOT_SETTINGS:
        return
    path = name[len(PREFIX) :].lower().split("__")
    for part in path[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise BrokenSettings(f"{name} names a setting below {part}, which is no group.")
        table = inner
    table[path[-1]] = value.split(",") if path[-1] in LISTS else value


def host_and_port(value: str) -> tuple[str, int]:
    """From `host:port` or `[v6]:port`. Raises BrokenSettings."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) < 65536:
        raise BrokenSettings(f"{value!r} is not host:port.", advice="Write for example 127.0.0.1:2025.")
    return host.strip("[]"), int(port)


def print_settings(settings: Settings) -> str:
    """The settings as a TOML file, every field with its text."""
    lines: list[str] = []
    groups: list[str] = []
    for field in _fields(Settings):
        value = getattr(settings, field.name)
        if isinstance(value, (Operator, Doors, OnCall)):
            groups.append(f"\n[{field.name}]")
            for inner in _fields(type(value)):
                groups += [f"# {_text(inner.type)}", f"{inner.name} = {_toml(getattr(value, inner.name))}"]
        else:
            lines += [f"# {_text(field.type)}", f"{field.name} = {_toml(value)}"]
    return "\n".join(lines + groups) + "\n"


def _fields(shape: type) -> tuple[msgspec.inspect.Field, ...]:
    kind = msgspec.inspect.type_info(shape)
    return kind.fields if isinstance(kind, msgspec.inspect.StructType) else ()


def _text(kind: object) -> str:
    extra = getattr(kind, "extra_json_schema", None) or {}
    return str(extra.get("description", ""))


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
