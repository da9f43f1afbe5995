"""Which addresses belong to the public internet (RFC 6890 §2.2 and the IANA registries that it founded).

The standard library's `is_global` is not enough: it lets NAT64, 6to4, multicast and 192.0.0.8 pass. This list denies
by name; all of IPv6 outside 2000::/3 is denied, and so is every form that carries an IPv4 address inside.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; some clouds keep their metadata here
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's platform address, public by number only
        "169.254.0.0/16",  # link-local; most clouds keep their metadata here
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112: answers for nobody
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the limited broadcast
    )
)

PUBLIC_6 = IPv6Network("2000::/3")

NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID, AMT
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the 6bone, returned
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """True for one literal address that anybody on the internet could reach; False for everything else.

    Names, zone identifiers, octal or short forms and text that is no address at all are False, never an error.
    """
    try:
        if ":" in address:
            return "%" not in address and _is_public_6(IPv6Address(address))
        return _is_public_4(IPv4Address(address))
    except AddressValueError:
        return False


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in NOT_PUBLIC_4)


def _is_public_6(address: IPv6Address) -> bool:
    return address in PUBLIC_6 and not any(address in network for network in NOT_PUBLIC_6)
