"""A notice to try things with: whoever proved its key takes it at the desk. It is never sent (LAW §2)."""

from __future__ import annotations

from collections.abc import Mapping

from antiphon.desk.desk import Desk
from antiphon.desk.notify import Row, print_notice
from antiphon.optout.case import Case
from antiphon.optout.wording import NoticeFacts, language_for, notice
from antiphon.terms import HOUR, Identifier, Instant, show_instant

EXPIRES = 72 * HOUR
"""When our signature under it ends: whoever holds it could pass it on."""
MARK = "[TEST] "
WORDS: Mapping[str, str] = {
    "en": "THIS IS A TEST. Nobody is asked for anything, no row is a person, and nothing\n"
    "happens when it is answered. Whoever holds the key of {originator} took it\n"
    "from our desk; we did not send it. All below is as a real notice has it.\n",
    "de": "DIES IST EIN TEST. Um nichts wird gebeten, keine Zeile ist ein Mensch, und eine\n"
    "Antwort bewirkt nichts. Wer den Schlüssel von {originator} hat, hat ihn an\n"
    "unserem Schalter abgeholt; gesendet haben wir ihn nicht. Alles Weitere ist wie echt.\n",
    "fr": "CECI EST UN ESSAI. Rien n'est demandé, aucune ligne n'est une personne, et une\n"
    "réponse ne change rien. Qui détient la clé de {originator} l'a pris à notre\n"
    "guichet; nous ne l'avons pas envoyé. Tout ce qui suit est comme dans un vrai.\n",
}


def sample_notice(desk: Desk, case: Case) -> bytes:
    """A signed notice of the form that a real one of this case has, with one row that is nobody's. It says nothing that
    is so: no day, no count and no link of this case. Good for 72 hours."""
    house, now = desk.house, desk.clock.now()
    language, day, nobody = language_for(case.domain, house.language), show_instant(now)[:10], Identifier(bytes(16))
    facts = NoticeFacts(
        node=house.name,
        legal_name=house.legal_name,
        postal_address=house.postal_address,
        originator=case.originator,
        mails="0",
        mailboxes="0",
        first_day=day,
        last_day=day,
        others="",
        window_days=house.window_for(case.originator) // 24,
        desk_url=f"{house.public_url.rstrip('/')}/desk/",
        reply_to=f"test@{house.domain}",
    )
    subject, body = notice(language, facts)
    text = MARK + subject, f"{WORDS[language].format(originator=case.originator)}\n{body}"
    row = Row(nobody, nobody, f"<test@{house.domain}>", "test:0", "TEST-NOBODY", day)
    mail = print_notice(desk, (f"abuse@{case.domain}", facts.reply_to), text, [row], now=now)
    return desk.mail_signer.sign(mail, now, expires_at=Instant(now + EXPIRES))
