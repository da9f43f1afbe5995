"""RDAP answers in the shapes of every registry: five of numbers, those of names, and whatever else comes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.formats.rdap import (
    MOST_ADDRESSES,
    MOST_DEPTH,
    Json,
    abuse_addresses,
    cards,
    holder,
    is_truncated,
    registered_at,
    registrar_addresses,
    related_url,
)

VECTORS = Path(os.environ.get("ANTIPHON_VECTORS", "/nowhere")) / "rdap"


def entity(roles: str, *mails: str, fn: str = "Somebody", inner: tuple[Json, ...] = (), **more: object) -> Json:
    """One entity with its card; a mail `1 a@b` is preferred by that number, as a text."""
    rows: list[object] = [["version", {}, "text", "4.0"], ["fn", {}, "text", fn]]
    for mail in mails:
        rank, _, address = mail.rpartition(" ")
        rows.append(["email", {"pref": rank} if rank else {}, "text", address])
    return {"roles": roles.split(), "vcardArray": ["vcard", rows], "entities": list(inner), **more}


def named(*entities: Json) -> list[str]:
    """Whom an answer with these entities names for abuse."""
    return [str(address) for address in abuse_addresses({"entities": list(entities)})]


def test_the_desk_below_the_registrant_is_found() -> None:
    """As one registry nests it."""
    assert named(entity("registrant", "noc@net.example", inner=(entity("abuse", "abuse@net.example"),))) == [
        "abuse@net.example"
    ]


def test_the_desk_below_the_registrar_is_found() -> None:
    """As registries of names have it."""
    assert named(entity("registrar", inner=(entity("abuse", "abuse@registrar.example"),))) == [
        "abuse@registrar.example"
    ]


def test_a_desk_at_top_level_comes_before_an_inner_one() -> None:
    """Outer is nearer to what was asked."""
    inner = entity("registrant", inner=(entity("abuse", "inner@net.example"),))
    assert named(inner, entity("abuse", "outer@net.example")) == ["outer@net.example", "inner@net.example"]


def test_a_desk_for_abuse_alone_comes_before_one_of_many_roles() -> None:
    """Somebody who does everything reads less."""
    assert named(entity("noc abuse technical", "all@net.example"), entity("abuse", "abuse@net.example")) == [
        "abuse@net.example", "all@net.example",
    ]  # fmt: skip


def test_the_preferred_address_comes_first_although_its_rank_is_a_text() -> None:
    """Seen in the wild: `pref` is the text "1" and stands on the second one."""
    assert named(entity("abuse", "help@net.example", "1 abuse@net.example")) == [
        "abuse@net.example",
        "help@net.example",
    ]
    assert named(entity("abuse", "5 e@n.example", "x a@n.example", "2 b@n.example")) == [
        "b@n.example", "e@n.example", "a@n.example",
    ]  # fmt: skip


def test_a_desk_without_an_address_names_nobody_and_says_that_it_was_cut() -> None:
    """As one registry answers by policy."""
    cut = entity("technical abuse", remarks=[{"type": "object truncated due to server policy"}])
    assert named(cut) == []
    assert is_truncated({"entities": [cut]}) and not is_truncated({"entities": [entity("abuse", "a@b.example")]})


def test_an_answer_without_the_role_names_nobody() -> None:
    """Others are not a substitute: they did not ask for this mail (RFC 6650 §5.3)."""
    assert named(entity("technical", "hostmaster@net.example"), entity("registrar", "sales@net.example", fn="")) == []


def test_an_address_that_is_none_is_left_out_and_each_is_named_once() -> None:
    """Hostile text stays out; eight is enough."""
    assert named(entity("abuse", "a@b.example", "A@B.example", "a@b.example", "nobody", "x@y.example\r\nBcc:z@w")) == [
        "a@b.example", "A@b.example",
    ]  # fmt: skip
    assert (
        len(named(*(entity("abuse", *(f"a{n}x{m}@b.example" for m in range(9))) for n in range(9)))) == MOST_ADDRESSES
    )


def test_depth_has_a_limit() -> None:
    """At the limit and one past it."""
    for depth, seen in ((MOST_DEPTH - 1, True), (MOST_DEPTH, False), (500, False)):
        nested = entity("abuse", "abuse@net.example")
        for _ in range(depth):
            nested = {"entities": [nested]}
        assert bool(named(nested)) is seen


@pytest.mark.skipif(not VECTORS.is_dir(), reason="needs the vectors of public specifications")
def test_recorded_answers_of_registries() -> None:
    """Five of networks, two of domains with a desk, one without."""
    found = {
        file.stem: [str(a) for a in abuse_addresses(json.loads(file.read_text("utf-8")))]
        for file in VECTORS.glob("*.json")
        if "bootstrap" not in file.stem
    }
    assert [name for name, desks in found.items() if not desks] == ["data_rdap_response_domain2"]
    assert found["apnic-ip"][0].startswith("abuse@") and len(found["apnic-ip"]) == 2


def test_only_what_stands_in_the_registrar_s_entity_is_the_registrar_s() -> None:
    """A registrant that calls itself the abuse desk of its own domain is none; roles may stand together."""
    own = entity("abuse", "me@shop.example")
    desk = entity("abuse", "abuse@registrar.example")
    found = {"entities": [entity("registrant", inner=(own,)), own, entity("registrar sponsor", inner=(desk,))]}
    assert [str(a) for a in registrar_addresses(found)] == ["abuse@registrar.example"]
    both = {"entities": [entity("registrar abuse", "abuse@registrar.example")]}
    assert [str(a) for a in registrar_addresses(both)] == ["abuse@registrar.example"]


@pytest.mark.parametrize("links", [None, "x", [], [{"rel": "self", "href": "https://a.example/"}], [{"rel": "related"}],
                                   [{"rel": "related", "type": "text/html", "href": "https://a.example/"}],
                                   [{"rel": "related", "type": "application/rdap+json", "href": 7}]])  # fmt: skip
def test_a_link_that_is_none_leads_nowhere(links: object) -> None:
    """Another relation, another type, no text."""
    assert related_url({"links": links}) == ""


@pytest.mark.skipif(not VECTORS.is_dir(), reason="needs the vectors of public specifications")
def test_recorded_registrars() -> None:
    """Two domains name the registrar's desk and its own server; one registry tells neither."""
    for number, known in ((1, True), (2, False), (3, True)):
        found = json.loads((VECTORS / f"data_rdap_response_domain{number}.json").read_text("utf-8"))
        assert bool(registrar_addresses(found)) is known and related_url(found).startswith("https://") is known


FIELDS = ("entities", "roles", "vcardArray", "events", "name", "remarks", "links", "rel")
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.just(["vcard", [["email", {}, "text", "a@b"]]]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["entities", "roles", "vcardArray", "events", "name", "remarks", "links", "rel"]), inner
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(FIELDS), ODD))
def test_any_object_is_read(found: Json) -> None:
    """Nothing raises."""
    list(cards(found))
    assert isinstance(holder(found), str) and isinstance(abuse_addresses(found), tuple)
    registered_at(found)
    is_truncated(found)
    assert isinstance(registrar_addresses(found), tuple) and isinstance(related_url(found), str)
