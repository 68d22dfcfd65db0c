"""The admin server's OpenAPI document is whole, and what it says of errors is so."""

import json
import re

import httpx

from admin.api.responses import AdminErrorResponse
from tests.admin.site import Site


def test_the_document_is_whole(site: Site) -> None:
    document = site.app.openapi()
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    assert references <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            content = operation["responses"]["401"]["content"]
            assert content == {
                "application/json": {"schema": {"$ref": f"#/components/schemas/{AdminErrorResponse.__name__}"}}
            }
            assert operation.get("security", document["security"]) == (
                [] if path == "/health" else document["security"]
            )


async def test_a_wrong_method_is_told_the_right_ones(client: httpx.AsyncClient) -> None:
    answer = await client.put("/api/hub")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    AdminErrorResponse.model_validate(answer.json())


async def test_a_body_that_is_no_text_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/keys", content=b'{"name": "\xff"}', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    AdminErrorResponse.model_validate(answer.json())


async def test_metrics_without_a_key_are_refused_and_not_led_to_a_page(site: Site, client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/keys", json={"name": "me", "scopes": ["admin"]})).status_code == 201
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site.app), base_url="http://127.0.0.1") as nobody:
        assert (await nobody.get("/metrics")).status_code == 401
        assert (await nobody.get("/")).status_code == 303
