"""The lines that a mail server on this machine lacks, as a unified diff against its own files. Nothing is written.

What somebody changed in lines of ours is theirs and stays as it is: only what is missing, or would not reach this node,
is proposed.
"""

from __future__ import annotations

import difflib
import re
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import antiphon
from antiphon.errors import BrokenSettings, UnreadableFile

REPORTS, PROGRAM = "/var/lib/antiphon/reports", "/usr/local/bin/antiphon"
"""As the files of contrib have them; each is replaced by what is so here."""
MILTER, PAGES = "127.0.0.1:8892", "http://127.0.0.1:8765/rspamd/KEY/"
SCRIPTS = "/etc/dovecot/antiphon"
EXIM = {"router": ("150_antiphon", "transport = antiphon_delivered"), "transport": ("30_antiphon", "antiphon report")}
"""Of Exim's parts the file of ours in Debian's split configuration, and by what it is recognised."""
_PARAMETER = re.compile(r"^smtpd_milters[ \t]*=([^\n]*(?:\n[ \t]+[^\n]*)*)", re.MULTILINE)
_MILTER = re.compile(r"\{[^}]*\}|[^\s,]+")
_JUNK = re.compile(r'mailbox\s+("[^"]+"|\S+)\s*\{[^}]*special_use\s*=\s*\\Junk', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Here:
    """What is so on this machine: where its configuration lies, and where the node is reached. `urls` of the node's
    maps are asked only for Rspamd."""

    etc: Path
    milter: str
    reports: str
    program: str
    urls: Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """One file as it is, None where there is none, and as it is proposed."""

    path: Path
    before: str | None
    after: str
    mode: int = 0o644

    def diff(self) -> str:
        """As `patch -p1 -d /` takes it; empty where nothing is lacking."""
        if self.before == self.after:
            return ""
        old, new = f"a{self.path}", f"b{self.path}"
        head = f"diff --git {old} {new}\n" + (f"new file mode 100{self.mode:o}\n" if self.before is None else "")
        lines = difflib.unified_diff(
            (self.before or "").splitlines(True), self.after.splitlines(True),
            "/dev/null" if self.before is None else old, new,
        )  # fmt: skip
        return head + "".join(line if line[-1] == "\n" else f"{line}\n\\ No newline at end of file\n" for line in lines)


def propose(server: str, here: Here) -> str:
    """The diff for one of `SERVERS`; empty where nothing is lacking. Raises UnreadableFile where the server's files are
    not here or may not be read, and BrokenSettings where the node has no door for it."""
    folder = here.etc / SERVERS[server].folder
    if not folder.is_dir():
        raise UnreadableFile(f"There is no {folder} on this machine.", advice="Name its parent with --etc.")
    return "".join(change.diff() for change in SERVERS[server].changes(folder, here))


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableFile(f"{path} can not be read.", advice="Ask as root.") from error


def _ours(name: str) -> str:
    """A file of contrib: beside the sources, or where the package put it."""
    places = (Path(antiphon.__file__).parents[2], Path(sysconfig.get_path("data")) / "share" / "antiphon")
    for place in places:
        if (found := _read(place / "contrib" / name)) is not None:
            return found
    raise UnreadableFile(f"contrib/{name} was not installed.", advice="Install antiphon again.")


def _said(text: str) -> str:
    """Without what is a comment."""
    return re.sub(r"(?m)^[ \t]*#.*$", "", text)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _postfix(folder: Path, here: Here) -> Iterator[Change]:
    if not here.milter:
        raise BrokenSettings("The node has no milter door.", advice=f'Set milter = "{MILTER}" below [doors].')
    path = folder / "main.cf"
    if (text := _read(path)) is None:
        raise UnreadableFile(f"There is no {path}.", advice="Is Postfix installed?")
    lines = _ours("postfix/antiphon.cf").replace(MILTER, here.milter)
    (block,) = _MILTER.findall(lines.partition("smtpd_milters =")[2])
    found = list(_PARAMETER.finditer(text))
    if not found:
        yield Change(path, text, f"{_ended(text)}\n{lines}")
        return
    others = _MILTER.findall(_said(found[-1][1]))
    ours = [each for each in others if f"inet:{here.milter}" in re.split(r"[\s,{}]+", each)]
    lets_go = re.search(r"^milter_default_action[ \t]*=[ \t]*accept[ \t]*$", text, re.MULTILINE) is not None
    if ours and (lets_go or "default_action=accept" in ours[0].replace(" ", "")):
        return
    rest = [each for each in others if each not in ours]
    value = "".join(f"\n    {each}" for each in (block, *rest))
    yield Change(path, text, f"{text[: found[-1].start(1)]}{value}{text[found[-1].end(1) :]}")


def _dovecot(folder: Path, here: Here) -> Iterator[Change]:
    main = _read(folder / "dovecot.conf")
    if main is None:
        raise UnreadableFile(f"There is no {folder}/dovecot.conf.", advice="Is Dovecot installed?")
    path = folder / "conf.d" / "99-antiphon.conf"
    others = _said("\n".join([main, *(_read(p) or "" for p in sorted(path.parent.glob("*.conf")) if p != path)]))
    newer = "dovecot_config_version" in main
    conf = _fitted(_ours(f"dovecot/antiphon{'-2.4' if newer else ''}.conf"), others)
    scripts = folder / "antiphon"
    junk = found[1].strip('"') if (found := _JUNK.search(others)) else "Junk"
    for name in ("junked.sieve", "retracted.sieve"):
        yield _once(scripts / name, re.sub(r"\bJunk\b", junk, _ours(f"dovecot/{name}")), ("antiphon-report",))
    report = _ours("dovecot/antiphon-report").replace(REPORTS, here.reports)
    report = report.replace("exec antiphon", f"exec {here.program}")
    bin_dir = re.search(r"\bsieve_pipe_bin_dir\s*=\s*(\S+)", others)
    place = Path(bin_dir[1]) if bin_dir else scripts
    yield _once(place / "antiphon-report", report, (here.reports,), mode=0o755)
    conf = re.sub(r"(= | )Junk\b", rf"\g<1>{junk}", conf).replace(f"{SCRIPTS}/", f"{scripts}/")
    conf = conf.replace(f"bin_dir = {SCRIPTS}", f"bin_dir = {place}")
    yield _once(path, conf, tuple(key for key in re.findall(r"(?m)^\s*([\w-]+)\s*=", _said(conf))))


def _fitted(conf: str, others: str) -> str:
    """Beside what the other files say: lists that ours would replace are kept, numbers that are taken are passed."""
    for name in ("sieve_plugins", "sieve_global_extensions"):
        there = re.findall(rf"(?m)^\s*{name}\s*=\s*(.+?)\s*$", others)
        if there:
            kept = "".join(f" {word}" for word in there[-1].split() if word not in conf)
            conf = re.sub(rf"(?m)^(\s*{name} = .*)$", rf"\g<1>{kept}", conf)
    taken = max(map(int, re.findall(r"imapsieve_mailbox(\d+)_", others)), default=0)
    return re.sub(r"imapsieve_mailbox(\d+)_", lambda found: f"imapsieve_mailbox{int(found[1]) + taken}_", conf)


def _once(path: Path, ours: str, needs: tuple[str, ...], mode: int = 0o644) -> Change:
    """A file of ours; where it is there and says all that it has to, it is left alone."""
    before = _read(path)
    whole = before is not None and all(need in _said(before) for need in needs)
    return Change(path, before, before if whole and before is not None else ours, mode)


def _rspamd(folder: Path, here: Here) -> Iterator[Change]:
    urls = here.urls()
    for name in ("multimap", "metadata_exporter"):
        path = folder / "local.d" / f"{name}.conf"
        text, ours = _read(path), _ours(f"rspamd/{name}.conf")
        after = text if text is not None and "ANTIPHON" in _said(text) else _ended(text or "") + ours
        for what, url in urls.items():
            after = re.sub(rf'"http[^"\s]*/rspamd/[^"/\s]*/{what}"', f'"{url}"', after)
        yield Change(path, text, after, 0o640)


def _exim(folder: Path, here: Here) -> Iterator[Change]:
    ours = {
        kind: _ours(f"exim/{kind}").replace(REPORTS, here.reports).replace(PROGRAM, here.program)
        .replace("/etc/exim4/", f"{folder}/") for kind in EXIM
    }  # fmt: skip
    yield _once(folder / "antiphon-members", _ours("exim/antiphon-members"), ())
    whole = next((path for name in ("exim4.conf", "exim4.conf.template") if (path := folder / name).exists()), None)
    split = re.search(r"(?m)^dc_use_split_config='true'", _read(folder / "update-exim4.conf.conf") or "")
    if whole is None or (split and whole.name != "exim4.conf"):
        for kind, (name, sign) in EXIM.items():
            yield _once(folder / "conf.d" / kind / name, ours[kind], (sign,))
        return
    before = after = _read(whole) or ""
    for kind, (_, sign) in EXIM.items():
        begin = re.search(rf"(?m)^begin {kind}s[ \t]*\n", after)
        if begin is not None and sign not in _said(after):
            after = f"{after[: begin.end()]}\n{ours[kind]}{after[begin.end() :]}"
    yield Change(whole, before, after)


@dataclass(frozen=True, slots=True)
class Server:
    """Where its files lie below /etc, what they lack, and what makes a change hold."""

    folder: str
    changes: Callable[[Path, Here], Iterator[Change]]
    then: str


_COMPILE = (
    "for name in junked retracted; do sievec -c /etc/dovecot/dovecot.conf /etc/dovecot/antiphon/$name.sieve; done"
)
_SECRET = "chown root:_rspamd /etc/rspamd/local.d/m*.conf; chmod 640 /etc/rspamd/local.d/m*.conf"
SERVERS = {
    "postfix": Server("postfix", _postfix, "postfix reload"),
    "dovecot": Server("dovecot", _dovecot, f"{_COMPILE}; systemctl restart dovecot"),
    "rspamd": Server("rspamd", _rspamd, f"{_SECRET}; systemctl reload rspamd"),
    "exim": Server("exim4", _exim, "update-exim4.conf; systemctl reload exim4"),
}
