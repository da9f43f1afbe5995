"""What each temper does, in a sentence for people who watch, and what to look for in its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Some tempers that show one thing."""

    title: str
    look: str
    roles: Mapping[str, str]


GROUPS: tuple[Group, ...] = (
    Group(
        "Originators that can be asked",
        "One notice each. Whoever stops is left alone; whoever writes on after a member's window gets one request for "
        "each such mail, and no more than a person approved.",
        {
            "compliant": "acts on the notice, and says so by mail",
            "compliant-form": "acts on the notice, and says so on the form behind its link",
            "prompt": "honours opt-outs: one for each member, then silence",
            "feedback": "asks for feedback reports: one for each member, and it takes each off its list",
            "slow": "stops some days after the window",
            "deaf": "answers 200 OK to everything and never stops: requests equal its mails after the window",
            "deaf-capped": "the same, but people approved 20 requests only",
            "small-mail": "its mails are shorter than a request, so several pay for one",
            "refusing": "says 403: everything pauses until a person has read it",
            "redirecting": "answers with a redirect to a bystander: never followed",
            "overloaded": "says 429, then answers slowly: it sets the pace",
            "unreachable": "bounces the notice: three tries, then nothing",
            "disputing": "says that the notice is wrong: suspended, then closed",
            "disputing-daily": "disputes by a record in DNS, again and again: suspended once, then closed",
            "esp-deaf": "a deaf customer of a mail service",
            "esp-good-1": "a good customer of the same service",
            "esp-good-2": "another",
        },
    ),
    Group(
        "Originators that point at somebody else",
        "Their opt-out channel names a bystander. No request leaves, whatever they sign.",
        {
            "joe-jobber": "signs its own mail, names a bystander's host as its opt-out",
            "joe-jobber-cname": "its own host name leads to a bystander by a CNAME",
            "joe-jobber-address": "its own host name has a bystander's address",
            "joe-jobber-mx": "its mail exchanger is a bystander's",
            "joe-jobber-esp": "a mail service's customer that points at another",
            "replayer": "passes on signed copies of somebody's newsletter",
        },
    ),
    Group(
        "Deaf originators at somebody else's host",
        "Each is asked as any other. Whoever stays deaf brings about a complaint to its host: one about all mails "
        "since, then as few as the standard says. At a host, attempts are complaints.",
        {
            "hosted-acting": "a deaf customer of a host that acts: it falls silent",
            "host-acting": "reads the complaint and takes its customer off the net: it gets one",
            "hosted-ignoring": "a deaf customer of a host that ignores complaints",
            "host-ignoring": "ignores complaints: it gets ever fewer",
            "hosted-bouncing": "a deaf customer of a host whose mailbox is not there",
            "host-bouncing": "sends the complaint back: it is not written to again",
            "hosted-answering": "a deaf customer of a host where a program answers",
            "host-answering": "answers everything by a program that does not say so: nothing answers back",
            "hosted-declining": "a deaf customer of a host that wants no complaints",
            "host-declining": "asks for no more: it gets no more",
            "hosted-misnamed": "a deaf customer in a network for which the registry names a bystander",
            "host-misnamed": "the host of that network: nobody is told, since two sources disagree",
            "hosted-phishing": "imitates a bank by a new domain; a person reads it and notes what it is",
            "host-phishing": "ignores complaints, and is told first all the same",
            "registrar": "where every domain was registered: it is told after the host had its time, and suspends it",
        },
    ),
    Group(
        "Mail that asks nobody anything",
        "Shown and grouped, and nothing is asked: nobody answers for it, or it is not what an opt-out is for.",
        {
            "unaccountable": "no valid signature, a forged From",
            "throw-away": "a valid signature, a new domain each week",
            "transactional": "receipts and codes, reported by mistake",
            "list-host": "a mailing list that passes junk on: its opt-out is the list's",
            "esp-good-3": "two of ten members report it: too few for a notice",
            "esp-good-4": "the same",
            "esp": "the mail service itself: never asked for its customers' mail",
        },
    ),
)
