"""Seeds: campaigns as their makers wrote them, two to a topic, each with its own brand, sender, hosts and layout."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from bench.grouping.letter import Letter, Person, Sender
from bench.grouping.wording import TOPICS, Topic

DAY = 86_400
_HEADS = (
    "bra",
    "kel",
    "mon",
    "tri",
    "sol",
    "ven",
    "har",
    "lun",
    "pet",
    "ros",
    "qui",
    "fal",
    "dor",
    "zan",
    "mer",
    "wil",
)
_TAILS = (
    "dane",
    "vista",
    "mark",
    "tora",
    "lio",
    "berg",
    "nova",
    "quell",
    "stad",
    "rive",
    "mont",
    "sano",
    "field",
    "lux",
)
_FIRST = ("Anna", "Boris", "Clara", "David", "Elif", "Frank", "Greta", "Hugo", "Ines", "Jonas", "Karin", "Liam", "Mira")
_LAST = (
    "Abendrot",
    "Birkholz",
    "Castell",
    "Dornbusch",
    "Eberlin",
    "Falkner",
    "Grimaldi",
    "Holzer",
    "Ivarsson",
    "Janda",
)
_CITIES = ("Oldhaven", "Birchtown", "Saltmarsh", "Kirkwall", "Eastmere", "Limefield", "Northwold", "Graythorpe")


def name(rng: Random) -> str:
    """A brand that nobody has, three syllables and a mark of its own."""
    return (rng.choice(_HEADS) + rng.choice(_HEADS) + rng.choice(_TAILS)).capitalize()


def person(rng: Random) -> Person:
    """A recipient that nobody is."""
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    address = f"{first}.{last}{rng.randrange(10, 99)}@mailbox.example".lower()
    return Person(f"{first} {last}", address, rng.choice(_CITIES), f"{rng.randrange(10**7, 10**8)}")


def sender(rng: Random, brand: str) -> Sender:
    """A sending domain made for this campaign."""
    domain = f"{name(rng).lower()}-{rng.choice(('mail', 'info', 'news', 'desk'))}.example"
    return Sender(brand, rng.choice(("info", "service", "hello", "team")), domain, domain, f"s{rng.randrange(1, 99)}")


def links(rng: Random, count: int = 3) -> tuple[str, ...]:
    """Landing pages on a host made for this campaign."""
    host = f"{name(rng).lower()}{rng.randrange(10, 99)}.example"
    return tuple(f"https://www.{host}/{name(rng).lower()}/{n}" for n in range(count))


def seed(topic: Topic, half: int, rng: Random) -> Letter:
    """One campaign: the sentences of one half of a topic, filled in."""
    brand, size = name(rng), len(topic.sentences) // 2
    fill = {
        "brand": brand,
        "date": f"{rng.randrange(1, 29)} {rng.choice(('March', 'April', 'May', 'June'))}",
        "sum": f"{rng.randrange(2, 900)}.{rng.randrange(10, 99)} EUR",
    }
    lines = [line.format(**fill) for line in topic.sentences[half * size : (half + 1) * size]]
    made = Letter(
        sender=sender(rng, brand),
        to=person(rng),
        subject=topic.subjects[half].format(**fill),
        greeting="",
        paragraphs=tuple(lines),
        action=topic.actions[half],
        links=links(rng) if topic.actions[half] else (),
        footer=f"{brand} Ltd, {rng.randrange(1, 99)} {name(rng)} Street, {rng.choice(_CITIES)}",
        layout=topic.layouts[half],
        at=0,
        encoding=rng.choice(("quoted-printable", "base64", "8bit")),
        shape=rng.choice(("alternative", "html")),
    )
    if made.layout == "mixed":
        made = replace(made, file=("document.pdf", b"%PDF-1.4\n" + rng.randbytes(6_000)))
    return made


def seeds(rng: Random) -> list[Letter]:
    """All of them, two to a topic."""
    return [seed(topic, half, rng) for topic in TOPICS for half in (0, 1)]
