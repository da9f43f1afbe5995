"""Debian's nginx shows a running node at /anti/: every link and form stays below it, and nothing is kept in a cache."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urljoin

import pytest

from antiphon.world.child import free_port
from tests.door.conftest import Node
from tests.door.letters import eventually
from tests.door.servers import HERE, wait_for

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(NGINX is None and not os.environ.get("CI"), reason="nginx is missing (nginx-light)")
CONFIGURATION = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location /anti/ {{
    proxy_pass http://127.0.0.1:{node}/; proxy_set_header X-Forwarded-Prefix /anti; }} }} }}
"""


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Not started yet."""
    return Node(tmp_path)


@pytest.fixture
def port(node: Node, tmp_path: Path) -> Iterator[int]:
    """Where nginx shows the node."""
    inside, outside = free_port(), free_port()
    node.surroundings = {"ANTIPHON_DOORS__HTTP": f"{HERE}:{inside}"}
    node.run("init")
    (tmp_path / "nginx.conf").write_text(CONFIGURATION.format(folder=tmp_path, port=outside, node=inside), "utf-8")
    node.start_node()
    proxy = subprocess.Popen([str(NGINX), "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "nginx.log")])
    try:
        eventually(lambda: "pages on" in (tmp_path / "node.log").read_text("utf-8"))
        wait_for(outside)
        yield outside
    finally:
        proxy.terminate()
        proxy.wait(timeout=20)
        node.stop_node()


def ask(port: int, method: str, path: str, body: str = "") -> tuple[int, str, str]:
    """Status, Cache-Control and text, as a browser gets them."""
    line = HTTPConnection(HERE, port, timeout=20)
    line.request(method, path, body or None, {"Content-Type": "application/x-www-form-urlencoded"} if body else {})
    answer = line.getresponse()
    found = answer.status, answer.headers.get("Cache-Control", ""), answer.read().decode()
    line.close()
    return found


def test_links_and_forms_hold_on_a_sub_path(port: int) -> None:
    """From the status page and the sender desk; the form of the desk is answered below the same path."""
    for start in ("/anti/", "/anti/desk/"):
        status, cache, text = ask(port, "GET", start)
        assert (status, cache) == (200, "no-store")
        targets = re.findall(r"(?:href|action)=['\"]?([^'\" >]+)", text)
        for target in [urljoin(start, each) for each in targets if not each.startswith("#")]:
            assert target.startswith("/anti/") and ask(port, "GET", target)[:2] == (200, "no-store"), target
    assert "healthz" in ask(port, "GET", "/anti/")[2]
    status, cache, text = ask(port, "POST", "/anti/desk/", "domain=shop.example")
    assert (status, cache) == (200, "no-store") and "action=dispute" in text
    assert urljoin("/anti/desk/", "dispute") == "/anti/desk/dispute"


def test_the_api_and_the_place_of_a_report_hold_on_a_sub_path(node: Node, port: int) -> None:
    """Found by its document alone; what `Location` names, resolved as a client does, is the report."""
    document = f"http://{HERE}:{port}/anti/api/v1/openapi.json"
    described = json.loads(ask(port, "GET", "/anti/api/v1/openapi.json")[2])
    reports = urljoin(document, described["servers"][0]["url"]) + next(iter(described["paths"]))
    assert reports == f"http://{HERE}:{port}/anti/api/v1/reports"
    node.run("member", "add", "ann@home.example")
    ticket = json.loads(node.run("ticket", "make", "ann@home.example", "--name", "mutt", "--json"))["ticket"]
    line = HTTPConnection(HERE, port, timeout=20)
    head = {"Authorization": f"Bearer {ticket}"}
    raw = b"From: a@shop.example\r\nTo: ann@home.example\r\nSubject: x\r\n\r\nBuy.\r\n"
    line.request("POST", reports.removeprefix(f"http://{HERE}:{port}"), raw, {**head, "Content-Type": "message/rfc822"})
    taken = line.getresponse()
    name = json.loads(taken.read())["id"]
    place = urljoin(reports, taken.headers["Location"])
    assert (taken.status, place) == (202, f"http://{HERE}:{port}/anti/api/v1/reports/{name}")
    line.request("GET", place.removeprefix(f"http://{HERE}:{port}"), headers=head)
    told = line.getresponse()
    assert (told.status, json.loads(told.read())["id"]) == (200, name)
    line.close()
