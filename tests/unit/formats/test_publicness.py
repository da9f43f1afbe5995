"""Only addresses that anybody could reach are public."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.formats.publicness import NOT_PUBLIC_4, NOT_PUBLIC_6, is_public

PUBLIC = ("8.8.8.8", "1.1.1.1", "192.0.1.1", "100.128.0.1", "172.32.0.1", "223.255.255.255", "2a00:1450::1", "2606::1")
HIDDEN = (
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "192.168.1.1", "172.16.0.1", "172.31.255.255", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9",
    "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "0.0.0.0", "168.63.129.16",
    "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fec0::1", "ff02::1", "100::1", "5f00::1", "4000::1",
)  # fmt: skip
NO_ADDRESS = (
    "", "localhost", "example.org", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "8.8.8.8 ", "8.8.8.8\n", "[2a00::1]",
    "2a00::1%eth0", "2a00::1%25eth0", "8.8.8.8/32", "８.8.8.8", "1:2:3",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_an_ordinary_address_is_public(address: str) -> None:
    """Neighbours of the denied networks included."""
    assert is_public(address)


@pytest.mark.parametrize("address", HIDDEN)
def test_a_special_address_is_not_public(address: str) -> None:
    """Every special-purpose network, and every way to wrap an IPv4 address."""
    assert not is_public(address)


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_literal_address_is_not_public(text: str) -> None:
    """Spellings that other parsers would read as some address are refused."""
    assert not is_public(text)


@pytest.mark.parametrize("network", [*NOT_PUBLIC_4, *NOT_PUBLIC_6])
def test_both_ends_of_each_denied_network_are_denied(network: IPv4Network | IPv6Network) -> None:
    """The limit itself, on either side."""
    assert not is_public(str(network[0]))
    assert not is_public(str(network[-1]))


@given(st.text(max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    """Hostile text never raises."""
    assert is_public(text) in (True, False)
