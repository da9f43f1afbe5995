"""Tokens of watched mailboxes: changed when needed, shared, changed early enough, and the new consent is kept."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from antiphon.errors import HomeUnusable, Unreachable
from antiphon.formats.domain import Url
from antiphon.formats.oauth import ConsentEnded
from antiphon.intake.granting import EARLY, Grants, no_change
from antiphon.registry.watch import SecretKind, Watch, WatchState
from antiphon.terms import SECOND, Identifier, Instant
from tests.unit.desk.household import Time

CONSENT = 'client_id = "id"\nrefresh_token = "first"\n'


def watch(kind: SecretKind = SecretKind.OAUTH_FILE, member: bytes = b"m") -> Watch:
    return Watch(
        Identifier(member), "imap.gmail.com", 993, "ann", kind, "/consent", True, False, "", "", "", Instant(0),
        WatchState.WAITING, "", Instant(0),
    )  # fmt: skip


class House:
    """A token endpoint: what it was shown, and what it gives."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.kept: list[bytes] = []
        self.refresh = ""
        self.status, self.keeps = 200, True

    async def change(self, url: Url, form: bytes) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        self.shown += parse_qs(form.decode())["refresh_token"]
        said = {"access_token": f"token {len(self.shown)}", "expires_in": 600, "refresh_token": self.refresh}
        return self.status, json.dumps(said if self.status == 200 else {"error": "invalid_grant"}).encode()

    def keep(self, path: Path, data: bytes) -> None:
        if not self.keeps:
            raise HomeUnusable("It can not be written.")
        self.kept.append(data)


@pytest.fixture
def house() -> House:
    return House()


async def test_lines_of_one_mailbox_share_a_token_until_shortly_before_its_end(house: House) -> None:
    """At the limit and one past it; another mailbox has its own."""
    time = Time()
    grants = Grants(time, house.change, house.keep)
    assert await asyncio.gather(*(grants.token(watch(), CONSENT) for _ in range(3))) == ["token 1"] * 3
    assert await grants.token(watch(member=b"n"), CONSENT) == "token 2"
    time.at = Instant(time.at + 600 * SECOND - EARLY - 1)
    assert await grants.token(watch(), CONSENT) == "token 1"
    time.at = Instant(time.at + 1)
    assert await grants.token(watch(), CONSENT) == "token 3"
    assert house.shown == ["first"] * 3 and house.kept == []


async def test_a_token_that_was_not_taken_is_changed_once(house: House) -> None:
    """What refuses a new one, too, refuses the member."""
    grants = Grants(Time(), house.change, house.keep)
    assert not grants.forget(watch())
    await grants.token(watch(), CONSENT)
    assert grants.forget(watch()) and not grants.forget(watch())
    assert await grants.token(watch(), CONSENT) == "token 2"


@pytest.mark.parametrize("kind", [SecretKind.OAUTH_FILE, SecretKind.OAUTH_COMMAND])
@pytest.mark.parametrize("keeps", [True, False])
async def test_a_new_refresh_token_is_used_from_then_on(house: House, kind: SecretKind, keeps: bool) -> None:
    """Kept where the consent stands, if that is a file that can be written; used all the same while the node runs."""
    house.refresh, house.keeps = "second", keeps
    grants = Grants(Time(), house.change, house.keep)
    await grants.token(watch(kind), CONSENT)
    new = CONSENT.replace("first", "second")
    kept = kind is SecretKind.OAUTH_FILE and keeps
    assert house.kept == ([new.encode()] if kept else [])
    stands = new if kept else CONSENT
    assert await grants.token(watch(kind), stands) == "token 1"
    grants.forget(watch(kind))
    await grants.token(watch(kind), stands)
    assert house.shown == ["first", "second"]


async def test_another_consent_in_its_place_is_another_consent(house: House) -> None:
    """After one that ended, too: a member consents again, and the mailbox goes on."""
    grants = Grants(Time(), house.change, house.keep)
    await grants.token(watch(), CONSENT)
    grants.forget(watch())
    house.status = 400
    with pytest.raises(ConsentEnded):
        await grants.token(watch(), CONSENT)
    house.status = 200
    assert await grants.token(watch(), CONSENT.replace("first", "again")) == "token 3"
    assert house.shown == ["first", "first", "again"]


async def test_a_program_without_a_way_says_so(house: House) -> None:
    """Nothing is asked."""
    with pytest.raises(Unreachable):
        await Grants(Time(), no_change, house.keep).token(watch(), CONSENT)
