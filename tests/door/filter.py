"""Rspamd as Debian ships it, on loopback, from a private folder, with our own files of contrib."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from antiphon.world.child import free_port
from tests.door.servers import CONTRIB, HERE, wait_for

RSPAMD = "/usr/bin/rspamd"
SHARE = "/usr/share/rspamd"


def missing_filter() -> str:
    """Why Rspamd can not be run here; empty where it can."""
    if not os.path.exists(RSPAMD):
        return "needs Debian's rspamd"
    return "" if os.geteuid() == 0 else "Rspamd changes users, which only root can"


class Rspamd:
    """One worker, and of its modules those that ask nobody but the node and our name servers."""

    def __init__(self, folder: Path, *, dns: int, urls: dict[str, str]) -> None:
        self.folder, self.port = folder, free_port()
        ours = {}
        for name in ("multimap", "metadata_exporter"):
            text = (CONTRIB / "rspamd" / f"{name}.conf").read_text("utf-8")
            for what in ("originators", "subjects", "seen"):
                text = text.replace(f"http://127.0.0.1:8765/rspamd/KEY/{what}", urls[what])
            assert "KEY" not in text
            ours[name] = text
        # Its own list takes a minute to compile.
        (folder / "suffixes").write_text("com\nexample\norg\n", "ascii")
        (folder / "rspamd.conf").write_text(
            f"""
options {{
  pidfile = "{folder}/pid";
  tempdir = "{folder}";
  control_socket = "{folder}/control mode=0600";
  hs_cache_dir = "{folder}";
  url_tld = "{folder}/suffixes";
  filters = "dkim";
  local_addrs = [];
  map_watch_interval = 1s;
  min_map_interval = 1s;
  dns {{ nameserver = ["{HERE}:{dns}:1"]; }}
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "info"; }}
worker "normal" {{ bind_socket = "{HERE}:{self.port}"; count = 1; }}
modules {{ path = "{SHARE}/plugins/multimap.lua"; path = "{SHARE}/plugins/metadata_exporter.lua"; }}
lua = "{SHARE}/rules/rspamd.lua";
metric {{ name = "default"; actions {{ reject = 150; add_header = 2.9; greylist = 400; }} }}
dkim {{ check_local = true; trusted_only = false; }}
multimap {{
{ours["multimap"]}
}}
metadata_exporter {{
{ours["metadata_exporter"]}
}}

""",
            "utf-8",
        )
        shutil.chown(folder, "_rspamd", "_rspamd")

    def start(self) -> None:
        """Ready when this returns."""
        with open(self.folder / "out", "wb") as out:
            self._master = subprocess.Popen(
                [RSPAMD, "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", str(self.folder / "rspamd.conf")],
                stdout=out, stderr=out,
            )  # fmt: skip
        wait_for(self.port)

    def stop(self) -> None:
        """Ended when this returns."""
        self._master.terminate()
        self._master.wait(timeout=30)

    def check(self, raw: bytes, *, to: str, author: str = "bounce@shop.example") -> dict[str, Any]:
        """What it says of a mail at delivery."""
        line = http.client.HTTPConnection(HERE, self.port, timeout=30)
        head = {"From": author, "Rcpt": to, "IP": "192.0.2.7", "Helo": "client.example", "Deliver-To": to}
        line.request("POST", "/checkv2", raw, head)
        answer = line.getresponse()
        said = answer.read()
        line.close()
        assert answer.status == 200, said
        return dict(json.loads(said))
