"""The one answer to a mail that proved an address, and its words (LAW §3; RFC 3834 §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from antiphon.registry.agreement import DATE, VERSION
from antiphon.terms import Identifier, Instant

SUBJECT: Mapping[str, str] = {
    "en": "Your mandate is live",
    "de": "Ihr Mandat gilt",
    "fr": "Votre mandat est en vigueur",
}
TEXT: Mapping[str, str] = {
    "en": """\
Your mail proved {address}.
Mandate {version} of {date} is live for it.

To report mail that you do not want, forward it as an attachment to
  {report}
This address is yours alone. You may end the mandate at any time, at once and
without a reason; tell {node}:
  {legal_name}, {postal_address}

A program wrote this, once. Nobody reads answers to it.
""",
    "de": """\
Ihre Mail hat {address} nachgewiesen.
Dafür gilt das Mandat {version} vom {date}.

Unerwünschte Post melden Sie, indem Sie sie als Anhang weiterleiten an
  {report}
Diese Adresse gehört nur Ihnen. Sie können das Mandat jederzeit sofort und ohne
Grund beenden; sagen Sie es {node}:
  {legal_name}, {postal_address}

Ein Programm hat dies einmal geschrieben. Antworten darauf liest niemand.
""",
    "fr": """\
Votre message a prouvé {address}.
Le mandat {version} du {date} est en vigueur.

Pour signaler un message non désiré, transférez-le en pièce jointe à
  {report}
Cette adresse n'est qu'à vous. Vous pouvez mettre fin au mandat à tout moment,
aussitôt et sans motif; dites-le à {node}:
  {legal_name}, {postal_address}

Un programme a écrit ceci, une fois. Personne ne lit les réponses.
""",
}


@dataclass(frozen=True, slots=True)
class Welcome:
    """A member's one answer. `proof_id` is the Message-ID of the mail that it answers, `sent_at` when it was tried:
    that stands before the socket opens, and whatever comes of it, there is no other."""

    member: Identifier
    proof_id: str
    sent_at: Instant | None


def welcome_text(language: str, **facts: str) -> tuple[str, str]:
    """Subject and body; English where there is no other. `facts`: address, report, node, legal_name, postal_address."""
    known = language if language in TEXT else "en"
    return SUBJECT[known], TEXT[known].format(version=VERSION, date=DATE, **facts)
