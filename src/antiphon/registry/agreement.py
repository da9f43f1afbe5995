"""The text of the mandate that a member agrees to, by language; its version stands with every mandate (LAW §3)."""

from __future__ import annotations

from collections.abc import Mapping

VERSION = "2026-11-1"
"""Changes with every word below: whoever agreed to an older one agreed to that one only."""
DATE = "2026-11-25"

TEXT: Mapping[str, str] = {
    "en": """\
Every opt-out that is honoured tells an originator that your address is read.

This is mandate {version} of {date}, given to {node} for one address, yours. You may
take it back at any time, all or part of it, at once and without a reason. It ends by
itself after a year unless you give it again, and it rests as soon as mail to you
bounces or the address gets another holder. You may have a copy of all that is kept
about you, and you may have it erased.

You agree to each of these by itself, or to none of them but the first:
  count     your reports are analysed and counted; nobody is told who you are
  token     an originator that can be held to account is told who you are, by the
            token that it gave you itself (a token is a name, for whoever gave it)
  address   your address is shown where a token is not enough
  optout    mailings that you report are opted out of for you, where their originator
            can be held to account; you may limit this to originators that you name
  complain  your reports may be part of complaints to whoever carried the mail

Nothing leaves at once: a day or two pass after each report, and until then you can
take it back. What left can not be taken back.
""",
    "de": """\
Jede beachtete Abmeldung sagt dem Absender, dass Ihre Adresse gelesen wird.

Dies ist das Mandat {version} vom {date}, das Sie {node} für eine Adresse geben, Ihre
eigene. Sie können es jederzeit ganz oder teilweise zurücknehmen, sofort und ohne
Grund. Es endet nach einem Jahr von selbst, wenn Sie es nicht neu geben, und es ruht,
sobald Post an Sie zurückkommt oder die Adresse jemand anderem gehört. Sie können eine
Kopie von allem erhalten, was über Sie aufbewahrt wird, und Sie können es löschen lassen.

Sie stimmen jedem einzeln zu, oder nichts davon außer dem ersten:
  count     Ihre Meldungen werden ausgewertet und gezählt; niemand erfährt, wer Sie sind
  token     ein Absender, der verantwortlich gemacht werden kann, erfährt, wer Sie sind:
            durch das Kennzeichen, das er Ihnen selbst gegeben hat (für ihn ein Name)
  address   Ihre Adresse wird gezeigt, wo ein Kennzeichen nicht genügt
  optout    von Mailings, die Sie melden, werden Sie abgemeldet, wenn ihr Absender
            verantwortlich gemacht werden kann; auf Wunsch nur bei genannten Absendern
  complain  Ihre Meldungen dürfen Teil von Beschwerden bei denen sein, die die Post befördern

Nichts geht sofort hinaus: nach jeder Meldung vergehen ein bis zwei Tage, und so lange
können Sie sie zurücknehmen. Was hinausging, lässt sich nicht zurückholen.
""",
    "fr": """\
Chaque désinscription respectée apprend à l'expéditeur que votre adresse est lue.

Ceci est le mandat {version} du {date}, donné à {node} pour une adresse, la vôtre. Vous
pouvez le reprendre à tout moment, en tout ou en partie, aussitôt et sans motif. Il prend
fin après un an si vous ne le donnez pas de nouveau, et il est suspendu dès qu'un message
vous revient ou que l'adresse change de titulaire. Vous pouvez obtenir une copie de tout
ce qui est conservé à votre sujet, et le faire effacer.

Vous consentez à chaque point séparément, ou à aucun sauf le premier:
  count     vos signalements sont analysés et comptés; personne n'apprend qui vous êtes
  token     un expéditeur qui peut rendre des comptes apprend qui vous êtes, par le jeton
            qu'il vous a donné lui-même (un jeton est un nom, pour qui l'a donné)
  address   votre adresse est montrée là où un jeton ne suffit pas
  optout    vous êtes désinscrit des envois que vous signalez, si leur expéditeur peut
            rendre des comptes; limité, si vous voulez, aux expéditeurs que vous nommez
  complain  vos signalements peuvent figurer dans des plaintes à qui a transporté le message

Rien ne part aussitôt: un jour ou deux passent après chaque signalement, et jusque-là vous
pouvez le reprendre. Ce qui est parti ne peut être rappelé.
""",
}

PROVE: Mapping[str, str] = {
    "en": "Send a mail from this very address to {to}, and write in it: I agree to mandate {version}",
    "de": "Senden Sie von genau dieser Adresse eine Mail an {to}, mit dem Satz: I agree to mandate {version}",
    "fr": "Envoyez de cette adresse même un message à {to}, où vous écrivez: I agree to mandate {version}",
}


def agreement(language: str, node: str) -> str:
    """The whole text as a member reads it; English where there is no other."""
    return TEXT.get(language, TEXT["en"]).format(version=VERSION, date=DATE, node=node)


def how_to_prove(language: str, to: str) -> str:
    """What a member has to do so that a mandate that waits becomes live."""
    return PROVE.get(language, PROVE["en"]).format(to=to, version=VERSION)


def agrees(text: str) -> bool:
    """Whether somebody wrote, and did not merely quote, that it agrees to this version."""
    own = (line.strip().lower() for line in text.splitlines() if not line.lstrip().startswith(">"))
    return any(f"i agree to mandate {VERSION}" in line for line in own)
