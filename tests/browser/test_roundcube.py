"""A member clicks in Debian's own Roundcube, in chromium: junk is a report, not junk takes it back."""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from antiphon.world.child import free_port
from tests.browser.conftest import Sight
from tests.door.conftest import MEMBER, Node, opened
from tests.door.letters import SHOP, eventually, newsletter
from tests.door.servers import HERE, Dovecot, wait_for

ROUNDCUBE, DEFAULTS = Path("/usr/share/roundcube"), Path("/etc/roundcube/defaults.inc.php")
PLUGIN = Path("plugins", "markasjunk")
CONTRIB = Path(__file__).parents[2] / "contrib" / "roundcube"
PHP = shutil.which("php")
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not ((ROUNDCUBE / PLUGIN).exists() and PHP) and not os.environ.get("CI"),
        reason="roundcube-plugins is not installed",
    ),
]


class Webmail:
    """A mail store, Roundcube before it in PHP's own web server, and a node that only Roundcube tells."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "dovecot").mkdir()
        self.dovecot, self.node = Dovecot(folder / "dovecot", None), Node(folder)

    def open(self) -> None:
        door = free_port()
        self.node.begin(f'http = "{HERE}:{door}"', consents="count,token")
        self.node.start_node()
        self.dovecot.start()
        ticket = json.loads(self.node.run("ticket", "make", MEMBER, "--name", "roundcube", "--json"))["ticket"]
        (self.folder / "tickets").write_text(f"{MEMBER} {ticket}\n", "utf-8")
        self._install(door)
        with open(self.folder / "php.log", "wb") as log:
            self._server = subprocess.Popen(
                [str(PHP), "-S", f"{HERE}:{self.port}", "-t", self.folder / "roundcube",
                 "-d", f"auto_prepend_file={self.folder / 'place.php'}"],
                stdout=log, stderr=log, env={**os.environ, "ROUNDCUBE_CONFIG_DIR": str(self.folder / "config")},
            )  # fmt: skip
        wait_for(self.port)

    def _install(self, door: int) -> None:
        """As the page says it, in a copy of Debian's files."""
        place, config = self.folder / "roundcube", self.folder / "config"
        shutil.copytree(ROUNDCUBE, place, ignore=_lead_nowhere)
        shutil.copy(CONTRIB / "antiphon.php", place / PLUGIN / "drivers")
        ours = (CONTRIB / "config.inc.php.dist").read_text("utf-8").replace(":8765", f":{door}")
        ours += f"\n$config['markasjunk_antiphon_tickets'] = '{self.folder}/tickets';\n"
        (place / PLUGIN / "config.inc.php").unlink(missing_ok=True)
        (place / PLUGIN / "config.inc.php").write_text(ours, "utf-8")
        config.mkdir()
        shutil.copy(DEFAULTS, config)
        values = {
            "db_dsnw": f"sqlite:///{self.folder}/roundcube.db?mode=0640",
            "imap_host": f"{HERE}:{self.dovecot.imap}",
            "smtp_host": f"{HERE}:9",
            "des_key": "0123456789abcdefABCDEF+-",
            "log_dir": f"{self.folder}/",
            "temp_dir": f"{self.folder}/",
            "junk_mbox": "Junk",
            "skin": "elastic",
            "language": "en_US",
        }
        lines = [f"$config['{name}'] = '{value}';" for name, value in values.items()]
        lines += ["$config['plugins'] = ['markasjunk'];", "$config['enable_spellcheck'] = false;"]
        (config / "config.inc.php").write_text("\n".join(["<?php", "$config = [];", *lines, ""]), "utf-8")
        (self.folder / "place.php").write_text(f"<?php define('INSTALL_PATH', '{place}/');\n", "utf-8")

    def arrive(self, subject: str) -> None:
        """In the member's inbox; the node hears nothing of it."""
        with smtplib.LMTP(HERE, self.dovecot.lmtp, "client.example") as client:
            client.sendmail(f"bounce@{SHOP}", [MEMBER], newsletter(self.node.key, subject, MEMBER))

    def state(self, subject: str) -> list[tuple[str, str, str]]:
        """Of each report of this mail: what became of it, its class, and by which door."""
        found = self.node.reported(subject)
        return [(mail["state"], mail["evidence_class"], mail["source"]) for mail in found]

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(timeout=30)
        self.dovecot.stop()
        self.node.stop_node()
        self.node.dns.close()


@pytest.fixture(scope="module")
def webmail() -> Iterator[Webmail]:
    yield from opened(Webmail)


def _lead_nowhere(folder: str, names: list[str]) -> list[str]:
    """Links to what other packages would bring."""
    return [name for name in names if not Path(folder, name).exists()]


def enter(page: Page) -> None:
    """The member logs in."""
    page.fill("#rcmloginuser", MEMBER)
    page.fill("#rcmloginpwd", "secret")
    page.click("#rcmloginsubmit")
    page.wait_for_selector("#messagelist tbody tr")


def press(page: Page, subject: str, button: str) -> None:
    """One mail is pointed at, and the button of the plugin pressed; it leaves the list."""
    row = page.locator("#messagelist tbody tr", has_text=subject)
    row.click()
    page.frame_locator("#messagecontframe").locator("#messagebody").wait_for()  # buttons wake when it is open
    page.click(f"#toolbar-menu a.{button}:not(.disabled)")
    row.wait_for(state="hidden")


def test_the_button_reports_and_the_other_takes_back(webmail: Webmail, sight: Callable[..., Sight]) -> None:
    """Nothing but the driver can have told the node: the mail store here is somebody else's."""
    webmail.arrive("Autumn offer")
    webmail.arrive("Left alone")
    page = sight("desk", "light", script=True).open(f"http://{HERE}:{webmail.port}/")
    enter(page)
    press(page, "Autumn offer", "junk")
    eventually(lambda: webmail.state("Autumn offer") == [("accepted", "C", "api")])
    page.goto(f"http://{HERE}:{webmail.port}/?_task=mail&_mbox=Junk")
    press(page, "Autumn offer", "notjunk")
    eventually(lambda: webmail.state("Autumn offer") == [("retracted", "C", "api")])
    assert webmail.state("Left alone") == []
