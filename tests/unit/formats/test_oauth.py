"""A consent as it is written, whom it can be shown to, and every answer to it."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest

from antiphon.errors import AntiphonError, BrokenSettings, MalformedInput, Unreachable
from antiphon.formats.oauth import ENDPOINTS, ConsentEnded, parse_grant, parse_token, with_refresh

CONSENT = 'client_id = "id"\nrefresh_token = "r&1"  # mine\n'


@pytest.mark.parametrize("server", ENDPOINTS)
def test_a_known_house_needs_two_lines(server: str) -> None:
    """Where to ask and for what is known of it; what is sent is a form (RFC 6749 §6)."""
    grant = parse_grant(CONSENT, server.upper())
    endpoint, scope = ENDPOINTS[server]
    assert grant.endpoint.text == endpoint
    expected = {"grant_type": ["refresh_token"], "refresh_token": ["r&1"], "client_id": ["id"]}
    assert parse_qs(grant.form.decode()) == expected | ({"scope": [scope]} if scope else {})


def test_another_house_names_its_own_endpoint() -> None:
    """In its own organisation, with a secret and a scope where it wants them."""
    more = 'client_secret = "s"\nscope = "imap"\ntoken_endpoint = "https://login.house.example/token"\n'
    grant = parse_grant(CONSENT + more, "imap.house.example")
    assert grant.endpoint.text == "https://login.house.example/token"
    fields = parse_qs(grant.form.decode())
    assert (fields["client_secret"], fields["scope"]) == (["s"], ["imap"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("refresh_token", "no TOML"),
        ('client_id = "id"', "refresh_token is missing"),
        ('refresh_token = "r"', "client_id is missing"),
        (CONSENT + 'password = "x"', "'password' is not known"),
        ('client_id = 7\nrefresh_token = "r"', "client_id is no text"),
        ('client_id = "a\\nb"\nrefresh_token = "r"', "client_id is no text"),
        (CONSENT, "none is known for imap.house.example"),
        (CONSENT + 'token_endpoint = "https://victim.example/"', "does not belong"),
        (CONSENT + f'token_endpoint = "{ENDPOINTS["imap.gmail.com"][0]}"', "does not belong"),
        (CONSENT + 'token_endpoint = "http://house.example/"', "can not be used"),
    ],
)
def test_a_consent_that_can_not_be_used_says_why(text: str, why: str) -> None:
    """One sentence each, without what is secret; nobody outside the mail server's house can be asked."""
    with pytest.raises(BrokenSettings) as caught:
        parse_grant(text, "imap.house.example")
    assert why in caught.value.what and "r&1" not in caught.value.sentence()


@pytest.mark.parametrize(
    ("lasts", "seconds"),
    [({"expires_in": 3599}, 3599), ({"expires_in": "3599"}, 3599), ({}, 3600), ({"expires_in": 1}, 60),
     ({"expires_in": 10**9}, 86400), ({"expires_in": None}, 3600)],
)  # fmt: skip
def test_a_token_lasts_as_it_is_said_within_reason(lasts: dict[str, object], seconds: int) -> None:
    """As a number or a text; at least a minute, at most a day."""
    token = parse_token(200, json.dumps({"access_token": "a", **lasts}).encode())
    assert (token.access, token.lasts_seconds, token.refresh) == ("a", seconds, "")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_grant"}, ConsentEnded),
        (400, {"error": "invalid_client"}, BrokenSettings),
        (401, {"error": "unheard of"}, Unreachable),
        (429, {}, Unreachable),
        (503, {}, Unreachable),
        (302, {}, Unreachable),
        (200, {}, MalformedInput),
        (200, [], MalformedInput),
        (200, {"access_token": "a\nb"}, MalformedInput),
        (200, {"access_token": "a", "refresh_token": 7}, MalformedInput),
    ],
)
def test_every_other_answer_is_an_error_of_its_kind(status: int, body: object, kind: type[AntiphonError]) -> None:
    """A consent that ended, a client to mend, a house that is busy, and nonsense are told apart."""
    with pytest.raises(AntiphonError) as caught:
        parse_token(status, json.dumps(body).encode())
    assert type(caught.value) is kind
    with pytest.raises(MalformedInput):
        parse_token(200, b"<html>")


def test_another_refresh_token_takes_the_place_of_the_old() -> None:
    """And changes nothing else that can be read."""
    after = with_refresh(CONSENT, 'new"\\1')
    assert after.startswith('client_id = "id"\n')
    assert parse_qs(parse_grant(after, "imap.gmail.com").form.decode())["refresh_token"] == ['new"\\1']
