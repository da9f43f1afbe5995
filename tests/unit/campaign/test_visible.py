"""What a person does not see is taken away, trick by trick; what a person sees stays."""

from __future__ import annotations

import pytest

from antiphon.campaign.visible import LINKS, PIECE, fold, html, plain

HIDING = {
    "display none": '<p style="display:none">filler</p>',
    "display none in a sheet": "<style>.x{display:none}</style><p class=x>filler</p>",
    "height nothing": '<div style="height:0;overflow:hidden">filler</div>',
    "max-height nothing": '<div style="max-height:0px;overflow:hidden">filler</div>',
    "font-size 0": '<span style="font-size:0">filler</span>',
    "font-size 1": '<span style="font-size:1px">filler</span>',
    "font shorthand": '<span style="font:0/0 a">filler</span>',
    "visibility": '<p style="visibility:hidden">filler</p>',
    "opacity": '<p style="opacity:0">filler</p>',
    "opacity nearly": '<p style="opacity:0.01">filler</p>',
    "colour on itself": '<p style="color:#fff">filler</p>',
    "colour on itself by attributes": '<table bgcolor="#123"><tr><td><font color="#123">filler</font></table>',
    "nearly its own colour": '<p style="color:#fefefe;background:white">filler</p>',
    "clear letters": '<p style="color:transparent">filler</p>',
    "off screen": '<p style="position:absolute;left:-9999px">filler</p>',
    "indented away": '<p style="text-indent:-9999px">filler</p>',
    "a comment": "<!-- filler -->",
    "the attribute hidden": "<p hidden>filler</p>",
    "a title": "<title>filler</title>",
    "a template": "<template>filler</template>",
    "scaled to nothing": '<p style="transform:scale(0)">filler</p>',
    "below a hidden one": '<div style="display:none"><p style="display:block">filler</p></div>',
}


@pytest.mark.parametrize("trick", HIDING)
def test_what_is_hidden_goes_and_what_is_beside_it_stays(trick: str) -> None:
    """Each way to hide a filler leaves only the words around it."""
    assert html(f"<p>before</p>{HIDING[trick]}<p>after</p>").text == "before after"


@pytest.mark.parametrize(
    "shown",
    [
        '<p style="display:block">seen</p>',
        '<p style="font-size:12px">seen</p>',
        '<p style="opacity:0.6">seen</p>',
        '<p style="color:#888">seen</p>',
        '<div style="visibility:hidden"><p style="visibility:visible">seen</p></div>',
        '<div style="font-size:0"><p style="font-size:14px">seen</p></div>',
        '<div style="background:#000"><p style="color:#fff">seen</p></div>',
        '<div style="height:0">seen</div>',
        "<style>@media print{p{display:none}}</style><p>seen</p>",
        '<p style="position:absolute;left:10px">seen</p>',
    ],
)
def test_what_is_only_styled_stays(shown: str) -> None:
    """A style that hides nothing takes nothing away."""
    assert html(shown).text == "seen"


def test_zero_width_characters_split_no_word() -> None:
    """Soft hyphens, joiners and the rest vanish from the text, in HTML and in plain text."""
    assert html("<p>vou\u200bch\u00ader\u2060s</p>").text == plain("vou\u200bch\u00ader\u2060s").text == "vouchers"


@pytest.mark.parametrize(
    "disguised",
    [
        "\U0001d42f\U0001d428\U0001d42e\U0001d41c\U0001d421\U0001d41e\U0001d42b",
        "\uff56ou\uff43her",
        "v\u043eu\u0441h\u0435r",
        "v\u00f6uch\u00e9r",
    ],
)
def test_letters_that_look_alike_are_one(disguised: str) -> None:
    """Letters of mathematics and of full width, Cyrillic letters and letters with marks fold to the plain ones."""
    assert fold(disguised) == "voucher"


def test_marks_are_dropped_wherever_a_text_is_cut() -> None:
    """A text is decomposed piece by piece: letters with marks across a cut, and a text of nothing but marks."""
    for before in range(PIECE - 3, PIECE + 3):
        assert fold("x" * before + "e\u0301\u0316\u00fcn") == "x" * before + "eun"
    assert fold("a" + "\u0301\u0316" * 20_000) == "a"


def test_only_links_that_are_shown_count() -> None:
    """The target of a hidden anchor is no landing; a picture under an anchor is one."""
    page = html(
        '<a href="https://shown.example/">go</a><a href="https://hidden.example/" style="display:none">no</a>'
        '<a href="https://empty.example/"></a><a href="https://picture.example/"><img src="x"></a>'
    )
    assert page.links == ("https://shown.example/", "https://picture.example/")


def test_links_are_kept_up_to_the_limit_and_not_one_more() -> None:
    """LINKS different targets are kept."""
    page = "".join(f'<a href="https://h{number}.example/">x</a>' for number in range(LINKS + 1))
    assert len(html(page).links) == LINKS


@pytest.mark.parametrize("broken", ["<![=", "<p", "<div>" * 5_000 + "seen", "\ud800<p>seen", "<table><tr><td>seen"])
def test_no_page_raises(broken: str) -> None:
    """What no browser's author thought of is still read."""
    assert isinstance(html(broken).text, str)


def test_blocks_part_words_and_spans_do_not() -> None:
    """Letters in spans of one word stay one word; paragraphs and table cells are apart."""
    assert html("<p>vou<b>ch</b><span>er</span></p><p>one</p><td>two</td>").text == "voucher one two"


@pytest.mark.parametrize("around", ["", "\u00e4", "\u0130", "\u017f"])
def test_a_written_link_is_found_in_any_case(around: str) -> None:
    """Capitals in a link that stands in the text matter neither in ASCII nor beside other letters."""
    assert plain(f"{around} Go to HTTPS://A.example/Q, or WWW.b.example!").links == (
        "HTTPS://A.example/Q",
        "WWW.b.example",
    )


def test_a_long_s_is_an_s_in_a_written_link() -> None:
    """Beside a letter that grows in lower case a link is cut where it stands, and a long s begins one as an s does."""
    assert plain("\u0130 http\u017f://a.example/q").links == ("http\u017f://a.example/q",)
    assert plain("http\u017f://a.example/q").links == ("http\u017f://a.example/q",)


def test_a_sheet_that_was_read_before_means_the_same() -> None:
    """The sheet of one page, met again in others, hides there what it hid here, and what others add stays theirs."""
    sheet = "<style>.x{display:none}</style>"
    assert html(f"{sheet}<style>.y{{display:none}}</style><p class=x>a</p><p class=y>b</p><p>c</p>").text == "c"
    assert html(f"{sheet}<p class=x>a</p><p class=y>b</p><p id=x>c</p><b>d</b>").text == "b c d"
