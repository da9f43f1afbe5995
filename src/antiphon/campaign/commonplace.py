"""What strangers share by trade: footers that tell how to leave, hosts that everybody links to, mailbox providers.

Commonness is measured in the stream itself (`grouping.COMMON`); these tables are for the first few sights, when what
everybody carries still looks rare. A name that is missing here only weighs a little too much until it was counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.campaign.visible import fold

FOOTER_WORDS = 300
"""Among so many last words of a text a footer is looked for."""
LED_IN = 4
"""Words before the telling one that belong to a footer as well."""

_LEAVING_WORDS = (
    " unsubscribe unsubscribed unsubscribing unsubscription optout abmelden abmeldung abbestellen abbestellung"
    " austragen abmeldelink desinscrire desinscription desinscrivez desabonner desabonnement desabonnez"
    " desuscribirse desuscribir disiscriviti disiscrizione disiscriversi descadastrar descadastre cancelamento"
    " afmelden uitschrijven wypisz avregistrera avprenumerera avmeld peruuta odhlasit leiratkozas отписаться"
    " отписка"
)
_LEAVING = frozenset(fold(_LEAVING_WORDS).split())
"""Words of a footer, folded."""
_LEAVING_PAIRS = {
    "opt": "out", "opting": "out", "privacy": "policy", "rights": "reserved", "remove": "yourself",
    "receiving": "this", "received": "this", "longer": "wish", "email": "preferences", "mehr": "erhalten",
    "plus": "recevoir", "de": "baja", "droits": "reserves", "rechte": "vorbehalten", "update": "preferences",
    "manage": "preferences", "unsub": "here", "derechos": "reservados",
}  # fmt: skip
"""A word and the one behind it that make a footer together, folded."""

_MAILBOX_WORDS = (
    " gmail googlemail yahoo ymail rocketmail hotmail outlook live msn aol aim icloud me mac gmx web mail"
    " email yandex qq foxmail 163 126 sina sohu proton protonmail zoho t-online orange wanadoo free laposte"
    " sfr libero virgilio tiscali alice comcast verizon att sbcglobal bellsouth cox charter earthlink juno"
    " btinternet talktalk sky virginmedia uol bol terra ig naver daum hanmail rediffmail bk list inbox rambler"
    " ukr wp o2 onet interia seznam centrum abv freenet freemail tutanota hushmail fastmail mailbox posteo"
    " netzero excite lycos shaw rogers bigpond optusnet nifty docomo ezweb skynet telenet planet ziggo kpnmail"
    " home telia bluewin"
)
_MAILBOX_NAMES = frozenset(_MAILBOX_WORDS.split())
"""Where many persons share one domain: the name below the public suffix, whatever the country."""

_SHARED_WORDS = (
    # shorteners
    " t.co bit.ly t.ly tinyurl.com goo.gl ow.ly is.gd rebrand.ly cutt.ly shorturl.at lnkd.in s.id rb.gy"
    " tiny.cc buff.ly qrco.de shorturl.com urlz.fr u.to v.gd bl.ink t2m.io adf.ly snip.ly linktr.ee tiny.one"
    " n9.cl kutt.it trib.al"
    # storage, pages and hosting of anybody
    " google.com googleapis.com storage.googleapis.com firebasestorage.googleapis.com gstatic.com"
    " googleusercontent.com ggpht.com youtube.com youtu.be app.goo.gl"
    " page.link doubleclick.net googleadservices.com amazonaws.com cloudfront.net windows.net azureedge.net"
    " azurewebsites.net digitaloceanspaces.com github.com github.io githubusercontent.com weebly.com"
    " wixsite.com wix.com sharepoint.com squarespace.com wordpress.com blogspot.com blogger.com tumblr.com"
    " geocities.com tripod.com angelfire.com imgur.com imageshack.us photobucket.com dropbox.com"
    " dropboxusercontent.com webflow.io herokuapp.com netlify.app vercel.app pages.dev workers.dev r2.dev"
    " firebaseapp.com web.app run.app cloudfunctions.net appspot.com typeform.com backblazeb2.com ipfs.io"
    " dweb.link cloudflare-ipfs.com fleek.co forms.gle zohopublic.com jotform.com canva.com"
    # everybody's neighbours
    " facebook.com fb.com fb.me twitter.com x.com instagram.com linkedin.com pinterest.com tiktok.com"
    " whatsapp.com wa.me telegram.org t.me vk.com ok.ru microsoft.com office.com office365.com apple.com"
    " mzstatic.com adobe.com amazon.com paypal.com ebay.com w3.org schema.org outlook.com live.com yahoo.com"
    " yahoo.net yimg.com msn.com aol.com hotmail.com gmail.com mozilla.org wikipedia.org zoom.us aka.ms"
    # senders for hire
    " sendgrid.net sendgrid.com sendgrid.info list-manage.com list-manage1.com list-manage2.com mailchimp.com"
    " mcusercontent.com campaign-archive.com rs6.net constantcontact.com hubspotlinks.com hubspotemail.net"
    " mailgun.org sparkpostmail.com exacttarget.com sfmc-content.com klclick.com klclick1.com kmail-lists.com"
    " klaviyo.com klaviyomail.com acemlnc.com acemlnb.com acemlna.com acemlnd.com activehosted.com emlnk.com"
    " emlnk9.com mlsend.com mailerlite.com sendinblue.com brevo.com sibautomation.com awstrack.me"
    " amazonses.com cmail19.com cmail20.com createsend1.com createsend.com mjt.lu mailjet.com getresponse.com"
    " aweber.com convertkit-mail.com ck.page customeriomail.com iterable.com braze.com mandrillapp.com"
    " mailtrack.io zohocampaigns.com benchmarkemail.com icontact.com verticalresponse.com elasticemail.com"
    " sendpulse.com rdtk.io pardot.com eloqua.com salesforce.com force.com postmarkapp.com onmicrosoft.com"
    " gappssmtp.com improvmx.com zendesk.com freshdesk.com intercom-mail.com bnc3.mailjet.com"
)
_SHARED = frozenset(_SHARED_WORDS.split())


def is_shared(domain: str) -> bool:
    """Whether this registrable domain is known to be linked to, or signed with, by everybody."""
    return domain in _SHARED or is_mailbox_host(domain)


def is_mailbox_host(domain: str) -> bool:
    """Whether persons who have nothing to do with one another write from addresses at this registrable domain."""
    return domain.partition(".")[0] in _MAILBOX_NAMES


def content_end(words: Sequence[str]) -> int:
    """Where the footer of a text begins, in words; its length where it has none."""
    start = max(len(words) - FOOTER_WORDS, 0)
    for at in range(start, len(words)):
        word = words[at]
        if word in _LEAVING or (word in _LEAVING_PAIRS and words[at + 1 : at + 2] == [_LEAVING_PAIRS[word]]):
            return max(at - LED_IN, 0)
    return len(words)
