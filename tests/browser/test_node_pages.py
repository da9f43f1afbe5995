"""The node's own pages in a real browser: without script, for every eye, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from antiphon.ledger.allowance import Armed
from antiphon.optout.case import Case
from antiphon.terms import DAY, HOUR
from antiphon.web.pages import Pages, PageServer, serve_pages
from tests.browser.conftest import SCHEMES, SIZES, Served, Sight
from tests.unit.desk.household import Household

VOICES = tuple(f"{name}@home.example" for name in ("bea", "cem", "dor", "eli", "fay"))
Look = Callable[..., Sight]


class Node:
    """A node with pages; `at` is where they are."""

    def __init__(self, served: Served, house: Household) -> None:
        self.house, self.served, self.at = house, served, ""

        def say(line: str) -> None:
            self.at = re.sub(r".*(http://[0-9.:]+)/.*", r"\1", line)

        health = {"anchor": lambda: True, "lmtp": lambda: False}
        self._server: PageServer = served.do(serve_pages(Pages(house.desk, health), ("127.0.0.1", 0), say))

    def desk(self) -> str:
        """The link of the one notice."""
        (case,) = (case for case in self.served.do(self.house.all(Case)) if case.originator == "shop.example")
        return f"{self.at}/desk/{case.reply_token}"

    def close(self) -> None:
        """Ends."""
        self.served.do(self._server.close())


async def busy() -> Household:
    """A house where five members reported one originator, and one a young stranger: two things wait for a person."""
    house = await Household().open(armed=Armed.COMMUNITY)
    for voice in VOICES:
        await house.enrol(voice)
    for voice in VOICES:
        await house.delivered(house.mail(to=voice), voice)
    house.know("young.example")
    house.names.registered["young.example"] = None
    await house.delivered(house.mail(domain="young.example", to=VOICES[0]), VOICES[0])
    await house.knows("shop.example")
    await house.wait(4 * DAY + HOUR)
    return house


@pytest.fixture(scope="module")
def node(served: Served) -> Iterator[Node]:
    """A busy node."""
    made = Node(served, served.do(busy()))
    yield made
    made.close()


@pytest.fixture(scope="module")
def fresh(served: Served) -> Iterator[Node]:
    """A node that has seen nothing."""
    made = Node(served, served.do(Household().open(armed=Armed.OBSERVING)))
    yield made
    made.close()


def test_a_fresh_node_says_how_to_begin(fresh: Node, sight: Look) -> None:
    """Never an empty screen: what it does, and what one could type."""
    page = sight().open(fresh.at)
    said = page.inner_text("main")
    assert "Observing: nothing leaves" in said
    assert "antiphon quickstart" in said and "antiphon demo" in said


def test_what_needs_a_person_comes_first_with_what_to_type(node: Node, sight: Look) -> None:
    """The question that the page answers is its heading, and each thing has its command."""
    page = sight().open(node.at)
    assert page.inner_text("h1") == "What needs you"
    needs = page.locator(".list li").all_inner_texts()
    assert any("approve --notice" in need for need in needs)
    assert any("young.example" in need and "vouch" in need for need in needs)
    assert "lmtp: not well" in page.inner_text("main")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("which", ["home", "desk", "nothing", "fresh"])
def test_axe_has_nothing_against_it(node: Node, fresh: Node, sight: Look, which: str, size: str, scheme: str) -> None:
    """No rule of the standard set is broken, on a phone and a desk, light and dark."""
    url = {"home": node.at, "desk": node.desk(), "nothing": f"{node.at}/desk/none", "fresh": fresh.at}[which]
    seen = sight(size, scheme, script=True)
    seen.open(url)
    assert seen.faults() == []


@pytest.mark.parametrize("size", SIZES)
def test_nothing_but_the_page_is_asked_for_and_it_fits(node: Node, sight: Look, size: str) -> None:
    """No font, script or picture from anywhere; only tables scroll sideways, in their own frame."""
    for url in (node.at, node.desk()):
        seen = sight(size)
        page = seen.open(url)
        assert seen.strange == []
        assert page.locator("script, link, img, iframe").count() == 0
        wide = sight(size, script=True).open(url).evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0


def test_the_policy_allows_only_the_one_style(node: Node, sight: Look) -> None:
    """The style applies under the policy that is sent, and the policy allows nothing that was not written here."""
    answer = sight().page.request.get(node.at)
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert "style=" not in answer.text()
    # Colours come from the style alone: were it refused, the body would be white.
    page = sight("desk", "dark").page
    page.goto(node.at)
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(20, 24, 29)"


def test_every_control_is_reached_by_keyboard_and_seen(node: Node, sight: Look) -> None:
    """Tab leads to each link, table and button in turn, each with an outline; the first leads past the top."""
    page = sight(script=True).open(node.desk())
    wanted = page.locator("a, button, [tabindex='0']").count()
    reached = []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
        drawn = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert drawn != "none", reached[-1]
    assert len(set(reached)) == wanted
    assert "#main" in reached[0]


def test_targets_are_big_enough(node: Node, sight: Look) -> None:
    """No link or button is lower than 24 pixels."""
    for url in (node.at, node.desk()):
        page = sight("phone").open(url)
        low = [b for each in page.locator("button, nav a").all() if (b := each.bounding_box()) and b["height"] < 24]
        assert low == []


def test_state_is_told_by_shape_and_word(node: Node, sight: Look) -> None:
    """Each state on the page has a mark and its word: without colour nothing is lost."""
    page = sight().open(node.at)
    for chip in page.locator(".chip").all_inner_texts():
        assert re.fullmatch(r"[^\w\s] \w.*", chip), chip
    assert all(re.search(r"[●○✓✕▲■]+ \w", cell) for cell in page.locator("tbody tr td:nth-child(2)").all_inner_texts())


def test_times_are_exact_for_programs(node: Node, sight: Look) -> None:
    """Each is an element with the instant in UTC."""
    page = sight().open(node.at)
    stamps = [each.get_attribute("datetime") for each in page.locator("time").all()]
    assert stamps and all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp or "") for stamp in stamps)


def test_an_originator_answers_on_the_page_without_script(node: Node, sight: Look) -> None:
    """One press, one word, and the page says what became of it."""
    page = sight().open(node.desk())
    page.get_by_role("button", name="We have done it").click()
    assert "Noted: done" in page.inner_text("[role=status]")


def test_a_form_that_is_not_ours_changes_nothing(node: Node, sight: Look) -> None:
    """It is told so, as a page, not as an error of the server."""
    answer = sight().page.request.post(node.desk(), form={"word": "everything"})
    assert answer.status == 400
    assert "Nothing was changed" in answer.text()
