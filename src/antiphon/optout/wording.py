"""The texts that leave this house, by language: plain facts and one request; no threat, no promotion (LAW §5, §10).

Days and size classes, never instants; fewer than five means no number. No law is cited in a notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

LANGUAGES = ("en", "de", "fr")
FEWEST_SHOWN = 5
BY_TOP_LEVEL = MappingProxyType({"de": "de", "at": "de", "ch": "de", "li": "de", "fr": "fr", "be": "fr", "mc": "fr"})
"""Which language a country's domain suggests; all others get the operator's own."""


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What a notice says, already coarse: `mails` and `mailboxes` are size classes, days are ISO dates."""

    node: str
    legal_name: str
    postal_address: str
    originator: str
    mails: str
    mailboxes: str
    first_day: str
    last_day: str
    others: str
    window_days: int
    desk_url: str
    reply_to: str


SUBJECT: Mapping[str, str] = {
    "en": "Please remove the recipients in rows.csv from mailings of {originator}",
    "de": "Bitte die Empfänger in rows.csv aus Mailings von {originator} entfernen",
    "fr": "Merci de retirer des envois de {originator} les destinataires de rows.csv",
}

NOTICE: Mapping[str, str] = {
    "en": """\
To whoever sends mail for {originator}

{node} speaks for people who receive your mailings and do not want them.

What we saw     {mails} to {mailboxes}, between {first_day} and {last_day},
                each signed by {originator}
What we ask     please stop mailing the recipients in the attached rows.csv{others}
How to find them  each row holds the Message-ID and the token that you issued
                yourselves; it holds no address
By when         {window_days} days from the day on which this mail reached you

If their mail ends, nothing more follows. If it goes on after these
{window_days} days, each further mail is answered by one opt-out request through the
channel that this mail itself publishes; never more than one.

Verify that this is ours, say that it is wrong, that it is done, or that you
want no more mail from us:
  {desk_url}
or answer this mail to {reply_to} with one word in the first line:
  dispute    this is wrong; everything about you pauses at once
  done       the rows are removed
  stop       send us nothing more
A DNS record also stops us:  _antiphon.<host> TXT "v=antiphon1; stop"

{legal_name}
{postal_address}
""",
    "de": """\
An die Verantwortlichen für Mailings von {originator}

{node} spricht für Menschen, die Ihre Mailings erhalten und nicht wünschen.

Was wir sahen   {mails} an {mailboxes}, zwischen {first_day} und {last_day},
                jede signiert von {originator}
Was wir bitten  bitte schreiben Sie den Empfängern in rows.csv nicht mehr{others}
Wie Sie sie finden  jede Zeile enthält die Message-ID und das Kennzeichen, das
                Sie selbst vergeben haben; keine Adresse
Bis wann        {window_days} Tage ab dem Tag, an dem diese Mail Sie erreicht hat

Endet die Post, folgt nichts weiter. Geht sie nach diesen {window_days} Tagen weiter,
beantworten wir jede weitere Mail mit einer Abmeldung über den Weg, den diese
Mail selbst nennt; nie mit mehr als einer.

Prüfen, ob dies von uns ist; widersprechen; als erledigt melden; keine Post
mehr von uns wünschen:
  {desk_url}
oder antworten Sie an {reply_to} mit einem Wort in der ersten Zeile:
  dispute    das ist falsch; alles, was Sie betrifft, ruht sofort
  done       die Zeilen sind entfernt
  stop       senden Sie uns nichts mehr
Auch ein DNS-Eintrag hält uns an:  _antiphon.<host> TXT "v=antiphon1; stop"

{legal_name}
{postal_address}
""",
    "fr": """\
Aux responsables des envois de {originator}

{node} parle pour des personnes qui reçoivent vos envois et n'en veulent pas.

Ce que nous avons vu  {mails} vers {mailboxes}, du {first_day} au {last_day},
                chacun signé par {originator}
Ce que nous demandons  merci de ne plus écrire aux destinataires de rows.csv{others}
Comment les trouver  chaque ligne contient le Message-ID et le jeton que vous
                avez émis vous-mêmes; aucune adresse
Délai           {window_days} jours à compter du jour où ce message vous est parvenu

Si les envois cessent, rien d'autre ne suivra. S'ils continuent après ces
{window_days} jours, chaque nouveau message recevra une demande de désinscription par la
voie qu'il publie lui-même; jamais plus d'une.

Vérifier que ceci vient de nous, contester, signaler que c'est fait, ou ne plus
rien recevoir de nous:
  {desk_url}
ou répondez à {reply_to} avec un mot en première ligne:
  dispute    c'est une erreur; tout ce qui vous concerne est suspendu
  done       les lignes sont retirées
  stop       ne nous envoyez plus rien
Un enregistrement DNS nous arrête aussi:  _antiphon.<host> TXT "v=antiphon1; stop"

{legal_name}
{postal_address}
""",
}

OTHERS: Mapping[str, str] = {
    "en": ";\n                {others} more are not named to you",
    "de": ";\n                {others} weitere nennen wir Ihnen nicht",
    "fr": ";\n                {others} autres ne vous sont pas nommés",
}

MAIL_WORDS: Mapping[str, str] = {"en": "{n} mails", "de": "{n} Mails", "fr": "{n} messages"}
BOX_WORDS: Mapping[str, str] = {"en": "{n} mailboxes", "de": "{n} Postfächer", "fr": "{n} boîtes"}
FEW: Mapping[str, str] = {"en": "a few", "de": "einige", "fr": "quelques"}

OPT_OUT_SUBJECT = "unsubscribe"
OPT_OUT = """\
Please remove the recipient that this address or subject identifies from your
mailing list. This is an ordinary opt-out of one person, sent for that person
by {node}, through the address that your List-Unsubscribe field publishes.

{desk}No more mail from us: answer with "stop" in the first line.
"""
DESK = """\
Who we are, and how to say that this is wrong: {url}
"""
FEEDBACK_SUBJECT = "Feedback report"
FEEDBACK = """\
This is an email abuse report (RFC 9477) for one message that its recipient did
not want. Your CFBL-Address field asks for it. Please take the recipient that
the identifiers below name off this mailing.

Sent by {node}, once for that message. No address and no content is included.
{desk}No more mail from us: answer with "stop" in the first line.
"""


def size_class(count: int, language: str = "en") -> str:
    """A count as others may see it: nothing exact. Below five there is no number; then powers of two, as 'over'."""
    if count < FEWEST_SHOWN:
        return FEW[language]
    step = FEWEST_SHOWN
    while step * 2 <= count:
        step *= 2
    return {"en": f"at least {step}", "de": f"mindestens {step}", "fr": f"au moins {step}"}[language]


def language_for(domain: str, default: str) -> str:
    """The language that the originator's domain suggests, else the operator's, else English."""
    suggested = BY_TOP_LEVEL.get(domain.rpartition(".")[2], default)
    return suggested if suggested in LANGUAGES else "en"


def notice(language: str, facts: NoticeFacts) -> tuple[str, str]:
    """Subject and body of a notice."""
    values = {name: getattr(facts, name) for name in NoticeFacts.__dataclass_fields__}
    values["mails"] = MAIL_WORDS[language].format(n=facts.mails)
    values["mailboxes"] = BOX_WORDS[language].format(n=facts.mailboxes)
    values["others"] = OTHERS[language].format(others=facts.others) if facts.others else ""
    return SUBJECT[language].format(**values), NOTICE[language].format(**values)
