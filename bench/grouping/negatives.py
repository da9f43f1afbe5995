"""Pairs of mailings that look alike and are two: what must be kept apart, by kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from bench.grouping.letter import Letter
from bench.grouping.operators import filler
from bench.grouping.seeds import links, seed, sender
from bench.grouping.wording import TOPICS

PAGES = tuple(topic for topic in TOPICS if "plain" not in topic.layouts)
Pair = tuple[Letter, Letter]


def _two(rng: Random) -> Pair:
    """Two campaigns that share nothing."""
    one, other = rng.sample(PAGES, 2)
    return seed(one, 0, rng), seed(other, 1, rng)


def same_brand_other_kit(rng: Random) -> Pair:
    """One impersonated brand, its name, subject, footer and own links, in the kits of two makers."""
    one, other = _two(rng)
    brand, victim = one.sender.name, f"https://www.{one.sender.name.lower()}.example/help"
    moved = tuple(text.replace(other.sender.name, brand) for text in other.paragraphs)
    other = replace(
        other,
        paragraphs=moved,
        subject=one.subject,
        footer=one.footer,
        sender=replace(other.sender, name=brand),
        links=(*other.links, victim),
    )
    return replace(one, links=(*one.links, victim)), other


def same_filler_other_offer(rng: Random) -> Pair:
    """Two offers that carry the same 250 hidden words out of a book, and a few shown ones."""
    one, other = _two(rng)
    text, shown = filler(rng, 250), filler(rng, 25)
    tricks = (("display", text), ("size", text[:400]))
    return tuple(replace(letter, hidden=tricks, paragraphs=(*letter.paragraphs, shown)) for letter in (one, other))  # type: ignore[return-value]  # two in, two out


def same_service_other_customer(rng: Random) -> Pair:
    """Two lawful customers of one sending service: its signature, its link host, its footer, accounts of their own."""
    one, other = _two(rng)
    service = sender(rng, "service")
    clicks = links(rng, 1)[0]
    footer = (
        "Sent with a newsletter service. You receive this mail because you have subscribed. Unsubscribe | Preferences"
    )
    return tuple(  # type: ignore[return-value]  # two in, two out
        replace(
            letter,
            sender=replace(
                letter.sender,
                signer=service.domain,
                selector=service.selector,
                account=f"{n}:c{rng.getrandbits(24)}:esp",
            ),
            links=tuple(f"{clicks}/{rng.getrandbits(40):x}" for _ in letter.links),
            footer=f"{letter.footer}. {footer}",
        )
        for n, letter in enumerate((one, other))
    )


def next_issue(rng: Random) -> Pair:
    """Issue N and issue N+1 a week later: one sender, one frame, one footer, other articles."""
    topic = next(topic for topic in TOPICS if topic.name == "gazette")
    one = seed(topic, 0, rng)
    other = seed(topic, 1, rng)
    stories = tuple(text.replace(other.sender.name, one.sender.name) for text in other.paragraphs)
    account = f"news:{rng.getrandbits(24)}:esp"
    one = replace(one, sender=replace(one.sender, account=account))
    return one, replace(one, paragraphs=stories, subject=f"{one.sender.name} weekly: {stories[0][:40]}")


_DIFF = "\n".join(
    (
        "--- a/{file}",
        "+++ b/{file}",
        "@@ -{line},6 +{line},9 @@ static int {name}_probe(struct device *dev)",
        " \tstruct {name} *priv = dev_get_drvdata(dev);",
        " \tint ret;",
        "-\tret = {name}_read(priv, REG_{a});",
        "+\tret = {name}_read(priv, REG_{b});",
        "+\tif (ret < 0)",
        "+\t\treturn ret;",
        " \tpriv->gain = ret;",
        " \treturn 0;",
    )
)


def next_patch(rng: Random) -> Pair:
    """Version 1 and version 2 of a patch on a developers' list: the same words but for a few."""
    topic = next(topic for topic in TOPICS if topic.name == "optimise")
    made = seed(topic, 0, rng)
    word = made.sender.name.lower()
    diff = [_DIFF.format(file=f"drivers/{word}.c", line=rng.randrange(9, 400), name=word, a=n, b=n + 1) for n in (1, 2)]
    text = (
        f"The gain register of the {word} sensor is read before the supply is stable, so the first value is wrong.",
        "Read it again after the reset line has settled and pass the error of the bus on to the caller of probe.",
    )
    one, other = (
        replace(
            made,
            layout="plain",
            shape="plain",
            links=(),
            action="",
            subject=f"[PATCH{' v2' if n else ''}] iio: {word}: wait for the supply before reading the gain",
            paragraphs=(*text, "---", *(["v2: check the return value as asked for in review"] if n else []), diff[n]),
            headers=(("List-Id", f"<{word}-devel.lists.example>"),),
        )
        for n in (0, 1)
    )
    return one, other


NEGATIVES: dict[str, Callable[[Random], Pair]] = {
    "same brand, other kit": same_brand_other_kit,
    "same filler, other offer": same_filler_other_offer,
    "same service, other customer": same_service_other_customer,
    "newsletter issue N and N+1": next_issue,
    "patch v1 and v2": next_patch,
}
