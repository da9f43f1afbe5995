"""What a complaint says to people: what came, what was asked before, how to check it, how to get no more (LAW §6).

Facts only, for somebody who reads it in a terminal. Fewer than five mailboxes are "a few"; days, never instants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import wrap

from antiphon.formats.arf import FIRST_LINE

FEWEST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """What the text is made of. `asked_on` is the day of the notice or first opt-out, empty when nobody could be
    asked; `entry` the ledger entry that shows it. `asked_by` is a key of WAYS, `window_days` what the originator had,
    `done_on` the day on which it said that it is done, empty where it did not. `reader` is one of READERS; `harm`,
    `found_on` and `finding` are what a person found, `told_on` and `told` day and entry of the complaint before."""

    node: str
    legal_name: str
    postal_address: str
    address: str
    originator: str
    mails: int
    mailboxes: int
    first_day: str
    last_day: str
    asked_on: str
    asked_by: str
    window_days: int
    done_on: str
    entry: int | None
    ledger_url: str
    answer_url: str
    reply_to: str
    reader: str = "network"
    harm: str = ""
    found_on: str = ""
    finding: str = ""
    told_on: str = ""
    told: int | None = None


INDENT, COLUMNS = "\n" + " " * 15, 64
READERS = ("network", "registrar", "authority")
WAYS = ("notice", "opt-out", "rows", "channel")
"""How it was asked; the last where that is not known any more."""
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "subject": "Unwanted mail of {originator} from {address}",
        "few": "a few",
        "intro": "People whose mail {node} delivers did not want the mail that this is about.",
        "what": "What came      {mails} mails of {originator} to {mailboxes} mailboxes,\n"
        "               from {first_day} to {last_day}, handed over by {address}",
        "asked": "Asked before   on {asked_on}, {asked_by};\n"
        "               it had {window_days} days and went on\n"
        "Its answer     {answer}",
        "notice": "by a notice to its own address",
        "opt-out": "by an opt-out through the channel that its mail publishes",
        "rows": "by rows that it fetched from us",
        "channel": "through the channel that it publishes itself",
        "silent": "none",
        "done": "on {done_on}, that it is done",
        "unasked": "Asked before   no: the originator offers nobody who could be asked",
        "proof": "Proof          entry {entry} of the ledger at {ledger_url}",
        "network": "What we ask    please do with your customer what your terms of use say",
        "subject_harm": "{harm}: mail of {originator}",
        "found": "Found          {harm}, by a person who read it, on {found_on}:\n"
        "               {finding}\n"
        "Told before    {before}\n"
        "               on {told_on}, by entry {told}; it went on",
        "before_registrar": "its host",
        "before_authority": "its host, then the registrar of the domain,",
        "registrar": "What we ask    please look at the domain, and do with it what your agreement says",
        "authority": "What we ask    nothing: you take such reports, and need not answer",
        "stop": "Check this, say that it is done or not yours, or get no more from us:\n  {answer_url}\n"
        'or answer {reply_to}\nwith "done", "not us" or "stop" in the first line.',
    },
    "de": {
        "subject": "Unerwünschte Mails von {originator} über {address}",
        "few": "einige",
        "intro": "Menschen, deren Post {node} zustellt, wollten die Mails nicht, um die es hier geht.",
        "what": "Was kam        {mails} Mails von {originator} an {mailboxes} Postfächer,\n"
        "               vom {first_day} bis {last_day}, übergeben von {address}",
        "asked": "Vorher gebeten am {asked_on}, {asked_by};\n"
        "               er hatte {window_days} Tage und machte weiter\n"
        "Seine Antwort  {answer}",
        "notice": "mit einer Bitte an seine eigene Adresse",
        "opt-out": "mit einer Abmeldung auf dem Weg, den seine Mail nennt",
        "rows": "mit Zeilen, die er bei uns abgeholt hat",
        "channel": "auf dem Weg, den er selbst nennt",
        "silent": "keine",
        "done": "am {done_on}, es sei erledigt",
        "unasked": "Vorher gebeten nein: der Absender nennt niemanden, den man bitten könnte",
        "proof": "Beleg          Eintrag {entry} des Protokolls unter {ledger_url}",
        "network": "Was wir bitten verfahren Sie mit Ihrem Kunden bitte nach Ihren Bedingungen",
        "subject_harm": "{harm}: Mails von {originator}",
        "found": "Befund         {harm}, von einem Menschen gelesen am {found_on}:\n"
        "               {finding}\n"
        "Schon gesagt   {before}\n"
        "               am {told_on}, mit Eintrag {told}; es ging weiter",
        "before_registrar": "dem Hoster",
        "before_authority": "dem Hoster, dann dem Registrar der Domain",
        "registrar": "Was wir bitten prüfen Sie bitte die Domain, und verfahren Sie nach Ihrem Vertrag",
        "authority": "Was wir bitten nichts: Sie nehmen solche Meldungen, und müssen nicht antworten",
        "stop": "Prüfen, als erledigt oder fremd melden, nichts mehr von uns bekommen:\n  {answer_url}\n"
        'oder antworten Sie an {reply_to}\nmit "done", "not us" oder "stop" in der ersten Zeile.',
    },
    "fr": {
        "subject": "Messages non désirés de {originator} depuis {address}",
        "few": "quelques",
        "intro": "Des personnes dont {node} distribue le courrier ne voulaient pas des messages dont il s'agit.",
        "what": "Ce qui est venu  {mails} messages de {originator} vers {mailboxes} boîtes,\n"
        "               du {first_day} au {last_day}, remis par {address}",
        "asked": "Demandé avant  le {asked_on}, {asked_by};\n"
        "               il a eu {window_days} jours et a continué\n"
        "Sa réponse     {answer}",
        "notice": "par une demande à sa propre adresse",
        "opt-out": "par une désinscription par la voie que son message publie",
        "rows": "par des lignes qu'il a prises chez nous",
        "channel": "par la voie qu'il publie lui-même",
        "silent": "aucune",
        "done": "le {done_on}, que c'est réglé",
        "unasked": "Demandé avant  non: l'expéditeur n'offre personne à qui demander",
        "proof": "Preuve         entrée {entry} du registre public sous {ledger_url}",
        "network": "Notre demande  merci d'appliquer à votre client vos conditions d'utilisation",
        "subject_harm": "{harm}: messages de {originator}",
        "found": "Constat        {harm}, lu par une personne le {found_on}:\n"
        "               {finding}\n"
        "Déjà dit       {before}\n"
        "               le {told_on}, par l'entrée {told}; cela a continué",
        "before_registrar": "à l'hébergeur",
        "before_authority": "à l'hébergeur, puis au bureau d'enregistrement du domaine,",
        "registrar": "Notre demande  merci d'examiner le domaine, et d'appliquer votre contrat",
        "authority": "Notre demande  rien: vous recevez de tels signalements, sans devoir répondre",
        "stop": "Vérifier, dire que c'est réglé ou pas de chez vous, ne plus rien recevoir:\n  {answer_url}\n"
        'ou répondez à {reply_to}\navec "done", "not us" ou "stop" en première ligne.',
    },
}
LANGUAGES = tuple(WORDS)


def print_dossier(facts: Facts, language: str) -> tuple[str, str]:
    """Subject and text, with CRLF line ends. Raises KeyError for another language."""
    words = WORDS[language]
    said = {
        "node": facts.node,
        "address": facts.address,
        "originator": facts.originator,
        "mails": _shown(facts.mails, facts.mailboxes, words),
        "mailboxes": _shown(facts.mailboxes, facts.mailboxes, words),
        "first_day": facts.first_day,
        "last_day": facts.last_day,
        "asked_on": facts.asked_on,
        "asked_by": words[facts.asked_by],
        "window_days": str(facts.window_days),
        "answer": words["done" if facts.done_on else "silent"].format(done_on=facts.done_on),
        "entry": str(facts.entry),
        "ledger_url": facts.ledger_url,
        "answer_url": facts.answer_url,
        "reply_to": facts.reply_to,
        "harm": facts.harm,
        "found_on": facts.found_on,
        "finding": INDENT.join(wrap(facts.finding, COLUMNS)),
        "before": words.get(f"before_{facts.reader}", ""),
        "told_on": facts.told_on,
        "told": str(facts.told),
    }
    names = ["intro", "", "what", "asked" if facts.asked_on else "unasked"]
    names += ["proof"] if facts.entry is not None else []
    names += ["found"] if facts.harm else []
    names += [facts.reader, "", "stop"]
    lines = [FIRST_LINE, ""]
    lines += [line for name in names for line in (words[name].format(**said) if name else "").split("\n")]
    lines += ["", facts.legal_name, *facts.postal_address.split(", ")]
    return words["subject_harm" if facts.harm else "subject"].format(**said), "".join(f"{line}\r\n" for line in lines)


def _shown(count: int, mailboxes: int, words: Mapping[str, str]) -> str:
    return str(count) if mailboxes >= FEWEST_SHOWN else words["few"]
