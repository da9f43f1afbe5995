"""What is wrong with the published files."""

from __future__ import annotations

from tests.unit.ledger.breaches import Published, breach
from tests.unit.ledger.keys import ORIGIN, cosignature_line, sha, signature_line, vkey
from tests.unit.ledger.story import good

WITNESS = "witness.example/w1"


def files(**change: bytes) -> dict[str, bytes]:
    return good().ledger.files() | change


@breach("checkpoint-canonical")
def padding_bits() -> Published:
    text = good().ledger.checkpoint().decode()
    assert text.endswith("=\n")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(text[-3])
    table = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return Published(files(checkpoint=(text[:-3] + table[last ^ 1] + "=\n").encode()))


@breach("checkpoint-canonical")
def leading_zero() -> Published:
    ledger = good().ledger
    body = ledger.checkpoint().decode().split("\n\n")[0].replace(f"\n{ledger.size}\n", f"\n0{ledger.size}\n") + "\n"
    good_body = ledger.checkpoint().decode().split("\n\n")[0] + "\n"
    return Published(files(checkpoint=(body + "\n" + signature_line(ORIGIN, ledger.log, good_body)).encode()))


@breach("files-complete")
def missing_tile() -> Published:
    found = files()
    del found["tile/1/000.p/1"]
    return Published(found)


@breach("files-closed")
def extra_file() -> Published:
    return Published(files(**{"index.html": b"hello"}))


@breach("files-closed")
def superseded_partial_tile() -> Published:
    ledger = good().ledger
    found = ledger.files()
    return Published(found | {"tile/0/001.p/1": found[f"tile/0/001.p/{ledger.size % 256}"][:32]})


@breach("files-closed")
def superseded_partial_bundle() -> Published:
    return Published(files(**{"tile/entries/000.p/255": b""}))


@breach("bundle-framing")
def trailing_byte() -> Published:
    ledger = good().ledger
    found, name = ledger.files(), f"tile/entries/001.p/{ledger.size % 256}"
    return Published(found | {name: found[name] + b"\x00"})


@breach("tile-hashes")
def wrong_tile() -> Published:
    return Published(files(**{"tile/1/000.p/1": sha(b"wrong")}))


@breach("tile-hashes")
def long_tile() -> Published:
    found = files()
    return Published(found | {"tile/0/000": found["tile/0/000"] + sha(b"one more")})


@breach("root-hash")
def wrong_root() -> Published:
    return Published(files(checkpoint=good().ledger.checkpoint(root=sha(b"wrong"))))


@breach("vkey-pinned")
def pinned_other_key() -> Published:
    return Published(files(), options={"vkey": vkey("log")})


@breach("vkey-pinned")
def pinned_other_name() -> Published:
    return Published(files(), options={"vkey": vkey("next log", "other.example")})


@breach("signature-known")
def unknown_signature_line() -> Published:
    extra = signature_line("stranger.example", "stranger", "anything")
    return Published(files(checkpoint=good().ledger.checkpoint(extra=extra)))


@breach("signature-known")
def witness_that_was_not_given() -> Published:
    checkpoint = good().ledger.checkpoint().decode()
    extra = cosignature_line(WITNESS, "witness", checkpoint.split("\n\n")[0] + "\n")
    return Published(files(checkpoint=(checkpoint + extra).encode()))


@breach("signature-known")
def line_of_the_log_twice() -> Published:
    checkpoint = good().ledger.checkpoint().decode()
    return Published(files(checkpoint=(checkpoint + checkpoint.split("\n\n")[1]).encode()))


@breach("signature-name")
def log_under_another_name() -> Published:
    return Published(files(checkpoint=good().ledger.checkpoint(name="other.example")))


@breach("checkpoint-signed")
def signature_of_something_else() -> Published:
    body = good().ledger.checkpoint().decode().split("\n\n")[0] + "\n"
    return Published(files(checkpoint=f"{body}\n{signature_line(ORIGIN, 'next log', 'else')}".encode()))


@breach("witness-signed")
def cosignature_of_something_else() -> Published:
    extra = cosignature_line(WITNESS, "witness", "something else\n")
    return Published(
        files(checkpoint=good().ledger.checkpoint(extra=extra)), options={"witnesses": [vkey("witness", WITNESS, 4)]}
    )


def older(size: int, **how: object) -> bytes:
    ledger = good().ledger
    ledger.entries, ledger.log = ledger.entries[:size], "log"
    return ledger.checkpoint(**how)


@breach("since-signed")
def older_checkpoint_of_another_key() -> Published:
    return Published(files(), options={"since": older(300, log="next log")})


@breach("since-prefix")
def rewritten() -> Published:
    return Published(files(), options={"since": older(300, root=sha(b"other"))})


@breach("since-prefix")
def truncated() -> Published:
    whole = good().ledger
    cut = whole.copy()
    cut.entries.pop()
    return Published(cut.files(), options={"since": whole.checkpoint()})
