"""The test hub's HTTP side. The same app listens on two ports: one is the hub, the other its CDN for LFS files."""

from __future__ import annotations

import json
import logging
import re
import socket
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.hub.faults import Faults
from tests.hub.repositories import HubFile, Repository, read_commit


@dataclass(frozen=True)
class SeenRequest:
    method: str
    path: str
    port: int
    authorization: str | None
    range: str | None
    query: str = ""


class TestHub:
    """with TestHub() as hub: hub.add_model("org/name", directory); hub.url is the endpoint to configure.

    tokens: those the hub accepts. requests: what was asked, in order. faults: what is to go wrong.
    """

    __test__ = False

    def __init__(self) -> None:
        self.faults = Faults()
        self.tokens: set[str] = {"hf_good"}
        self.requests: list[SeenRequest] = []
        self._repositories: dict[str, Repository] = {}
        self._collections: dict[str, dict[str, Any]] = {}
        self._sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self._ports = [sock.getsockname()[1] for sock in self._sockets]
        self._store = tempfile.TemporaryDirectory()
        config = uvicorn.Config(self._app(), log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=(self._sockets,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def cdn_url(self) -> str:
        return f"http://127.0.0.1:{self._ports[1]}"

    def __enter__(self) -> TestHub:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.release_all()
        self._server.should_exit = True
        self._thread.join(timeout=10)
        for sock in self._sockets:
            sock.close()
        self._store.cleanup()

    def reset(self) -> None:
        """Forget everything published, asked and set to fail."""
        self.faults.release_all()
        self.faults = Faults()
        self.tokens = {"hf_good"}
        self.requests = []
        self._repositories.clear()
        self._collections.clear()

    def add_model(
        self,
        model_id: str,
        directory: Path,
        *,
        branch: str = "main",
        gated: bool = False,
        private: bool = False,
        extra: dict[str, bytes] | None = None,
    ) -> str:
        """Publish a directory as the next commit of a branch; its commit hash. extra: files by any name at all."""
        commit, files = read_commit(directory, extra or {}, Path(self._store.name))
        repository = self._repositories.setdefault(model_id, Repository(model_id))
        repository.gated, repository.private = gated, private
        repository.commits[commit] = files
        repository.branches[branch] = commit
        return commit

    def add_collection(self, title: str, model_ids: list[str], *, owner: str = "OpenVINO") -> str:
        slug = f"{owner}/{re.sub(r'[^a-z0-9]+', '-', title.lower())}-{len(self._collections):024x}"
        items = [
            {"_id": f"{n:024x}", "id": model_id, "type": "model", "position": n} for n, model_id in enumerate(model_ids)
        ]
        self._collections[slug] = {
            "slug": slug,
            "title": title,
            "owner": {"name": owner, "fullname": owner, "type": "org"},
            "items": items,
            "lastUpdated": "2026-01-02T03:04:05.000Z",
            "private": False,
            "theme": "blue",
            "upvotes": 1,
        }
        return slug

    def files_asked(self, name: str) -> list[SeenRequest]:
        """The GET requests for one file, first on the hub, then on the CDN."""
        return [seen for seen in self.requests if seen.method == "GET" and seen.path.endswith(f"/{name}")]

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/models", self._list),
                Route("/api/models/{org}/{name}", self._info),
                Route("/api/models/{org}/{name}/revision/{revision}", self._info),
                Route("/api/collections", self._list_collections),
                Route("/api/collections/{owner}/{slug}", self._collection),
                Route("/api/v1/models/{org}/{name}/repo/files", self._modelscope_files),
                Route("/models/{org}/{name}/resolve/{revision}/{file:path}", self._resolve),
                Route("/cdn/{org}/{name}/{commit}/{file:path}", self._cdn),
                Route("/{org}/{name}/resolve/{revision}/{file:path}", self._resolve, methods=["GET", "HEAD"]),
                Route("/{org}/{name}/raw/{revision}/{file:path}", self._raw),
            ]
        )

    def _note(self, request: Request) -> None:
        headers = request.headers
        self.requests.append(
            SeenRequest(
                request.method,
                request.url.path,
                request.url.port or 0,
                headers.get("authorization"),
                headers.get("range"),
                request.url.query,
            )
        )

    def _repository(self, request: Request, *, files: bool) -> Repository | Response:
        """The repository asked for, or the refusal the hub gives."""
        self._note(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ") or request.cookies.get("m_session_id")
        if token and token not in self.tokens:
            return _error(401, "Invalid credentials in Authorization header")
        repository = self._repositories.get("{org}/{name}".format(**request.path_params))
        if repository is None or (repository.private and not token):
            return _error(401 if not token else 404, "Repository not found", "RepoNotFound")
        if files and repository.gated and not token:
            return _error(401, f"Access to model {repository.id} is restricted.", "GatedRepo")
        return repository

    async def _info(self, request: Request) -> Response:
        repository = self._repository(request, files=False)
        if isinstance(repository, Response):
            return repository
        if status := self.faults.next_status("api"):
            return _error(status, "The hub is troubled")
        commit = repository.commit_of(request.path_params.get("revision", "main"))
        if commit is None:
            return _error(404, "Invalid rev id", "RevisionNotFound")
        return JSONResponse(repository.info(commit, with_blobs="blobs" in request.query_params))

    def _file(self, request: Request) -> tuple[Repository, str, HubFile] | Response:
        repository = self._repository(request, files=True)
        if isinstance(repository, Response):
            return repository
        revision = request.path_params["revision"]
        commit = repository.commit_of("main" if revision == "master" else revision)
        if commit is None:
            return _error(404, "Invalid rev id", "RevisionNotFound")
        file = repository.commits[commit].get(request.path_params["file"])
        return (repository, commit, file) if file else _error(404, "Entry not found", "EntryNotFound")

    async def _resolve(self, request: Request) -> Response:
        found = self._file(request)
        if isinstance(found, Response):
            return found
        repository, commit, file = found
        if status := self.faults.next_status(file.name):
            return _error(status, "The hub is troubled")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{file.blob_sha1}"', "Accept-Ranges": "bytes"}
        if not file.lfs:
            return self._send(request, file, headers)
        headers |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.sha256}"'}
        target = f"{self.cdn_url}/cdn/{repository.id}/{commit}/{file.name}?signature=x"
        return RedirectResponse(target, status_code=302, headers=headers)

    async def _cdn(self, request: Request) -> Response:
        self._note(request)
        if request.url.port != self._ports[1]:
            return _error(404, "Not here")
        params = request.path_params
        file = self._repositories["{org}/{name}".format(**params)].commits[params["commit"]][params["file"]]
        return self._send(request, file, {"ETag": f'"{file.sha256}"', "Accept-Ranges": "bytes"})

    async def _modelscope_files(self, request: Request) -> Response:
        """The listing of ModelScope, whose default branch is called master."""
        repository = self._repository(request, files=True)
        revision = request.query_params.get("Revision", "master")
        commit = None
        if isinstance(repository, Response) and request.cookies and repository.status_code == 401:
            return JSONResponse({"Code": 10010101001, "Message": "Unauthorized", "Success": False}, 401)
        if isinstance(repository, Repository):
            commit = repository.commit_of("main" if revision == "master" else revision)
        if commit is None or isinstance(repository, Response):
            return JSONResponse({"Code": 10010205001, "Message": "Not found", "Success": False}, 404)
        files = [
            {"Name": file.name, "Path": file.name, "Type": "blob", "Size": file.size, "Sha256": file.sha256}
            for file in repository.commits[commit].values()
        ]
        files.append({"Name": "folder", "Path": "folder", "Type": "tree", "Size": 0, "Sha256": ""})
        return JSONResponse({"Code": 200, "Data": {"Files": files}, "Success": True})

    async def _raw(self, request: Request) -> Response:
        found = self._file(request)
        if isinstance(found, Response):
            return found
        file = found[2]
        return PlainTextResponse(file.pointer) if file.lfs else Response(file.path.read_bytes())

    def _send(self, request: Request, file: HubFile, headers: dict[str, str]) -> Response:
        start, end, status = 0, file.size, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if asked and not self.faults.ignore_ranges:
            start, end = int(asked[1]), min(int(asked[2] or file.size - 1) + 1, file.size)
            if start >= file.size:
                return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}"})
            headers |= {"Content-Range": f"bytes {start}-{end - 1}/{file.size}"}
            status = 206
        headers |= {"Content-Length": str(end - start)}
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        return StreamingResponse(self.faults.body(file.name, file.path, start, end), status, headers)

    async def _list(self, request: Request) -> Response:
        self._note(request)
        query = request.query_params
        wanted = query.get("search", "").lower()
        found = [
            repository.info(repository.branches["main"], with_blobs=False)
            for repository in self._repositories.values()
            if wanted in repository.id.lower()
            and repository.id.startswith(f"{query['author']}/" if "author" in query else "")
            and not repository.private
        ]
        return JSONResponse(found[: int(query.get("limit", 1000))])

    async def _list_collections(self, request: Request) -> Response:
        self._note(request)
        if status := self.faults.next_status("api"):
            return _error(status, "The hub is troubled")
        owner = request.query_params.get("owner")
        found = [entry for entry in self._collections.values() if owner in (None, entry["owner"]["name"])]
        return JSONResponse([{**entry, "items": entry["items"][:4]} for entry in found])

    async def _collection(self, request: Request) -> Response:
        self._note(request)
        entry = self._collections.get("{owner}/{slug}".format(**request.path_params))
        return JSONResponse(entry | {"position": 0}) if entry else _error(404, "Collection not found")


def _error(status: int, message: str, code: str | None = None) -> Response:
    headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return Response(json.dumps({"error": message}), status, headers, media_type="application/json")
