"""What strangers share by trade is known before it was counted: footers, shared hosts, mailbox providers."""

from __future__ import annotations

import pytest

from antiphon.campaign.build import author_of
from antiphon.campaign.commonplace import content_end, is_shared
from antiphon.campaign.landing import landing_domains
from antiphon.campaign.visible import fold
from antiphon.formats.message import parse_message
from tests.unit.campaign.mail import OFFER, mail, print_of


@pytest.mark.parametrize(
    "footer",
    [
        "If you no longer wish to receive these emails, unsubscribe here",
        "Sie können sich hier vom Newsletter abmelden",
        "Pour vous désinscrire, cliquez ici",
        "Si no desea recibir más mensajes puede darse de baja aquí",
    ],
)
def test_a_footer_begins_before_the_word_that_tells_it(footer: str) -> None:
    """In several languages, and what stands before it is the text."""
    words = fold(OFFER).replace(",", " ").replace(".", " ").split()
    assert abs(len(words) - content_end(words + fold(footer).replace(",", " ").split())) <= 4


def test_a_text_without_a_footer_is_all_content() -> None:
    """Nothing is cut where nothing tells of leaving."""
    words = OFFER.lower().split()
    assert content_end(words) == len(words)


def test_the_same_text_under_another_footer_has_the_same_sketch() -> None:
    """Footers differ by the service that sends; they are no part of what is compared."""
    one, other = (
        print_of(mail(f"{OFFER} {footer}", link=""))
        for footer in ("To unsubscribe write to Mail House.", "You may opt out at any time by visiting our centre.")
    )
    shared = sum(a == b for a, b in zip(one.sketch, other.sketch, strict=True))
    assert shared > len(one.sketch) * 0.85


def test_hosts_that_everybody_links_to_are_no_landing_domains() -> None:
    """Shorteners, storage and the click hosts of sending services; what is rented below a suffix is one's own."""
    links = [
        "https://t.co/x",
        "https://storage.googleapis.com/y",
        "https://u1.list-manage.com/z",
        "https://shop.example/",
    ]
    links += ["https://chairs.blogspot.com/"]
    assert landing_domains(links) == ("shop.example", "chairs.blogspot.com")
    assert not is_shared("orchard.example")


def test_persons_at_a_mailbox_provider_are_authors_of_their_own() -> None:
    """Whatever the provider's country; an organisation is one author by its domain."""
    authors = [author_of(parse_message(mail(author=who))) for who in ("a@yahoo.fr", "b@yahoo.fr")]
    assert authors == ["a@yahoo.fr", "b@yahoo.fr"]
    assert author_of(parse_message(mail(author="a@orchard.example"))) == "orchard.example"
