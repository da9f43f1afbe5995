"""The document of the API: every route, every answer, and where it is."""

from __future__ import annotations

import json

import pytest
from starlette.routing import Route

from antiphon.web.api import openapi
from antiphon.web.pages import Pages
from tests.unit.web.test_api import client


async def test_the_document_describes_every_route() -> None:
    """OpenAPI 3.1, without a ticket; each answer that was seen above is in it; every reference leads somewhere."""
    program = await client()
    program.ticket = ""
    document = (await program.ask("GET", "/api/v1/openapi.json")).json
    assert document == json.loads(json.dumps(openapi()))
    assert document["openapi"] == "3.1.0"
    rows = [(path, method, each) for path, of in document["paths"].items() for method, each in of.items()]
    operations = {(path, method): set(each["responses"]) for path, method, each in rows}
    assert operations == {
        ("/api/v1/reports", "post"): {"202", "400", "401", "413", "415", "422", "429", "503"},
        ("/api/v1/retractions", "post"): {"202", "400", "401", "413", "415", "429", "503"},
        ("/api/v1/reports/{id}", "get"): {"200", "401", "404", "429"},
        ("/api/v1/reports/{id}", "delete"): {"204", "401", "404", "409", "429"},
    }
    schemas = set(document["components"]["schemas"])
    assert {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]} <= schemas


@pytest.mark.parametrize(
    ("said", "servers"),
    [
        ("/anti", [{"url": "/anti"}]),
        ("/a/b.c~d", [{"url": "/a/b.c~d"}]),
        *((said, None) for said in ("", "/", "anti", "//evil.example", "/a/", "/a b", "/a?b", "https://evil.example")),
        ("/" + "a" * 64, None),
    ],
)
async def test_a_proxy_says_below_which_path_it_serves_the_node(said: str, servers: object) -> None:
    """One plain path; whatever else is said there is no server."""
    program = await client()
    document = (await program.ask("GET", "/api/v1/openapi.json", x_forwarded_prefix=said)).json
    assert document.get("servers") == servers
    assert (await program.ask("GET", "/api/v1/openapi.json")).json == json.loads(json.dumps(openapi()))


async def test_the_operators_pages_do_nothing_that_the_api_can_not() -> None:
    """They show; what changes something is a command, the API's, or a sender's own at its desk."""
    home = (await client()).home
    routes = Pages(home.desk, {}).application().routes
    pages = [route for route in routes if isinstance(route, Route)]
    changing = {page.path for page in pages if not (page.methods or set()) <= {"GET", "HEAD"}}
    assert changing and all(path.startswith("/desk/") for path in changing)
