"""The node's own findings: each can be brought about and mended, and says what, with what effect, and what to type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

import pytest

from antiphon.desk import diagnose as diagnose_module
from antiphon.desk.desk import OnCall
from antiphon.desk.diagnose import PROBE_LASTS, Severity, diagnose
from antiphon.desk.probe import probe_token, take_probe
from antiphon.desk.withdraw import revoke
from antiphon.ledger.allowance import Armed
from antiphon.ports import Answer, Questions
from antiphon.registry.watch import SecretKind, Watch, WatchState
from antiphon.terms import Identifier, Instant
from tests.unit.desk.household import MEMBER, Household

NODE = "node.example"
R1 = (f"r1._domainkey.{NODE}", "TXT")


async def well(*, armed: Armed = Armed.OWN) -> Household:
    """A node with which nothing is wrong."""
    home = await Household().open(armed=armed)
    for name, record in home.desk.mail_signer.records().items():
        home.names.rows[name, "TXT"] = (record,)
    home.names.rows[NODE, "MX"] = ("10 mx.node.example",)
    home.names.rows[NODE, "A"] = ("192.0.2.1",)
    home.names.rows["192.0.2.1", "PTR"] = (NODE,)
    return home


async def found(home: Household, *doors: str, **changes: object) -> dict[str, Severity]:
    """Findings by what was looked at."""
    findings = await diagnose(replace(home.desk, **changes), doors)  # type: ignore[arg-type]  # fields of the desk
    for finding in findings:
        assert all((finding.trigger, finding.effect, finding.fix))
        assert finding.trigger.endswith(".") and finding.effect.endswith(".")
    return {finding.check: finding.severity for finding in findings}


async def test_a_node_that_is_well_has_no_finding() -> None:
    """The positive control of all below."""
    assert await found(await well()) == {}


Wrong = Callable[[Household], None]
BREAKS: dict[str, tuple[Wrong, Severity]] = {
    "anchor": (lambda home: setattr(home.log, "agrees", False), Severity.ERROR),
    "dns": (lambda home: home.names.down.add(NODE), Severity.ERROR),
    "mx": (lambda home: home.names.rows.pop((NODE, "MX")), Severity.NOTE),
    "reverse-dns": (lambda home: home.names.rows.pop(("192.0.2.1", "PTR")), Severity.NOTE),
    "dkim-e1": (lambda home: home.names.rows.pop((f"e1._domainkey.{NODE}", "TXT")), Severity.NOTE),
    "dkim-r1": (lambda home: home.names.rows.update({R1: ("v=DKIM1; p=",)}), Severity.NOTE),
}


@pytest.mark.parametrize("check", BREAKS)
async def test_what_is_wrong_is_found(check: str) -> None:
    """One thing broken is one finding."""
    home = await well()
    wrong, severity = BREAKS[check]
    wrong(home)
    assert await found(home) == {check: severity}


async def test_what_an_armed_node_lacks_is_an_error() -> None:
    """While it may write to originators; else it is good to know."""
    home = await well(armed=Armed.COMMUNITY)
    BREAKS["mx"][0](home)
    assert await found(home) == {"mx": Severity.ERROR}


async def test_a_stopped_node_says_so() -> None:
    """The file STOP is no fault, but one should know."""
    assert await found(await well(), stopped=lambda: True) == {"stop": Severity.WARNING}


async def test_without_members_there_is_nothing_to_do() -> None:
    """Revoked ones do not count."""
    home = await well()
    await revoke(home.desk, MEMBER)
    assert await found(home) == {"members": Severity.NOTE}


async def test_a_node_without_a_name_of_its_own_is_told_once() -> None:
    """Its records are not asked for: there are none."""
    home = await well()
    house = replace(home.desk.house, domain="antiphon.invalid", hosted_domains=(), legal_name="", public_url="")
    assert await found(home, house=house) == {"domain": Severity.NOTE, "hosted-domains": Severity.NOTE}


async def test_mailboxes_that_can_not_be_looked_at_are_counted() -> None:
    """How many, and why most often; whose they are is for `watch list`."""
    home = await Household().open()
    for number, (state, why) in enumerate(
        [(WatchState.WATCHING, ""), (WatchState.FAILING, "No."), (WatchState.FAILING, "No."), (WatchState.FAILING, "?")]
    ):
        watch = Watch(
            Identifier(bytes([number]) * 16), "imap.example", 993, "ann", SecretKind.FILE, "/s", False, False, "", "",
            "", home.time.now(), state, why, home.time.now(),
        )  # fmt: skip
        await home.store.write(lambda tx, watch=watch: tx.add(watch))
    (finding,) = [each for each in await diagnose(home.desk, []) if each.check == "watches"]
    assert finding.trigger == "3 watched mailboxes can not be looked at; most often: No."
    assert "ann" not in str(finding)


async def test_a_door_without_a_probe_is_told() -> None:
    """Until one came through, and when that was long ago."""
    home = await well()
    assert await found(home, "milter") == {"probe-milter": Severity.NOTE}
    assert await take_probe(home.desk, probe_token(home.desk, "milter")) == "milter"
    assert await found(home, "milter") == {}
    home.time.at = Instant(home.time.at + PROBE_LASTS + 1)
    assert await found(home, "milter") == {"probe-milter": Severity.NOTE}


async def test_a_bell_that_fell_silent_is_told() -> None:
    """Good as long as nobody reports mail of that house; from then on each way to it is a warning, which says whose."""
    home = await well()
    told = OnCall("https://hooks.shop.example/x", b"a secret of sixteen bytes or more", mail="night@shop.example")
    house = replace(home.desk.house, on_call=told)
    assert await found(home, house=house) == {}
    await home.delivered(home.mail())
    assert await found(home, house=house) == {"bell-url": Severity.WARNING, "bell-mail": Severity.WARNING}
    findings = await diagnose(replace(home.desk, house=house), ())
    assert all("shop.example is of an originator" in finding.trigger for finding in findings)
    assert await found(home, house=replace(house, on_call=OnCall())) == {}


async def test_the_worst_comes_first() -> None:
    """Errors, then warnings, then notes."""
    home = await well()
    for check in ("mx", "anchor"):
        BREAKS[check][0](home)
    order = list((await found(home, stopped=lambda: True)).values())
    assert order == [Severity.ERROR, Severity.WARNING, Severity.NOTE]


async def test_a_check_that_fails_itself_stops_no_other() -> None:
    """Each of the node's own and of those outside, one after the other: it is a finding, and the rest is still told."""
    for table in (diagnose_module.KEPT, diagnose_module.OUTSIDE):
        for name, _ in table:
            home = await well()
            BREAKS["mx"][0](home)
            with pytest.MonkeyPatch.context() as patch:
                faulty = tuple((n, fault if n == name else c) for n, c in table)
                patch.setattr(diagnose_module, "KEPT" if table is diagnose_module.KEPT else "OUTSIDE", faulty)
                seen = await found(home)
            assert seen == {"mx": Severity.NOTE, name: Severity.WARNING} | ({} if name != "mx" else {name: seen[name]})
            assert seen[name] is Severity.WARNING


def fault(*_: object) -> NoReturn:
    """A check with a fault of its own."""
    raise ZeroDivisionError


@pytest.mark.parametrize(("lost", "told"), [(1, {}), (2, {"mx": Severity.NOTE})])
async def test_one_lost_answer_is_no_finding(lost: int, told: dict[str, Severity]) -> None:
    """What is looked up outside is looked for twice; missing twice it is told."""
    home = await well()
    answers, left = home.names.ask, [1 + lost]

    async def forgetful(name: str, kind: str, questions: Questions | None = None) -> Answer:
        left[0] -= kind == "MX"
        # The first question of all is whether the name server answers.
        return Answer("absent", ()) if kind == "MX" and 0 <= left[0] < lost else await answers(name, kind, questions)

    home.names.ask = forgetful  # type: ignore[method-assign]  # this household's own name server
    assert await found(home) == told
