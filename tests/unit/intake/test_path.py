"""What is read of a path without the library, beside what the library reads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from aiosmtpd.smtp import SMTP
from hypothesis import given
from hypothesis import strategies as st

from antiphon.intake.path import plain_path

ATEXT = st.text(st.sampled_from("abcXYZ019!#$%&'*+/=?^_`{|}~.-\"\\ ()@<>\té"), min_size=1, max_size=12)


@given(
    st.one_of(
        st.builds(
            "<{}@{}>{}".format, ATEXT, ATEXT, st.sampled_from(["", " ", " SIZE=12 BODY=8BITMIME", "\tX", "(c) Y"])
        ),
        st.builds("<{}>{}".format, ATEXT, ATEXT),
        st.builds("{}<>{}".format, st.sampled_from(["", " ", "x"]), st.one_of(st.just(" SIZE=1"), ATEXT)),
        ATEXT,
    )
)
def test_a_plain_path_is_read_as_the_library_reads_it(arg: str) -> None:
    """RFC 5321 §4.1.2: what is read without the library is what the library would have read."""
    if (plain := plain_path(arg)) is not None:
        address, rest = SMTP._getaddr(cast("SMTP", SimpleNamespace(local_part_limit=0)), arg)
        assert (plain[0], plain[1].split()) == (address, (rest or "").split())


@pytest.mark.parametrize(
    "arg", ["< >", "<a..b@x.example>", '<"a b"@x.example>', "a@x.example", "<a@[127.0.0.1]>", "<é@x.example>"]
)
def test_a_path_that_is_not_plain_is_left_to_the_library(arg: str) -> None:
    """Quoted and literal forms, and what is no path at all."""
    assert plain_path(arg) is None
    assert plain_path("<a.b+c@x.example> SIZE=5") == ("a.b+c@x.example", "SIZE=5")
