"""A stand-in for Kaggle on loopback: log-in, the competition's data behind signed addresses, submissions.

Paths, field names and the order of calls were read from kaggle 2.2.4 and kagglesdk 0.1.37. `Kaggle.faults` makes the
next answers to a request fail, `Kaggle.paths` adds requests or replaces answers; everything that was asked is kept.
"""

import base64
import contextlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMPETITION = "rsna-miccai-brain-tumor-radiogenomic-classification"
TOKEN = "KGAT_0123456789abcdef0123456789abcdef"
SIGNATURE = "X-Goog-Signature=5ec2e7"
OURS = "python-requests"


@dataclass
class Kaggle:
    """What the server has, and what it was asked.

    data: the files of `competition`. archive: the zip of them, made of `data` where None. faults: for a request's last
    path part, or `storage` for a file's bytes, answers to give first: a status, (status, headers), or `("cut", n)`
    for a line that breaks after n bytes. paths: for a request's last path part, a function of its body that returns
    the answer's fields.
    """

    data: dict[str, bytes] = field(default_factory=dict)
    competition: str = COMPETITION
    archive: bytes | None = None
    tag: str = '"first"'
    ranges: bool = True
    wrapped: tuple[str, ...] = ()
    faults: dict[str, list] = field(default_factory=dict)
    message: str = ""
    paths: dict[str, Callable[[dict], dict]] = field(default_factory=dict)
    asked: list[tuple[str, dict]] = field(default_factory=list)
    ranged: list[str | None] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    sent: list[dict] = field(default_factory=list)
    states: list[dict] = field(default_factory=list)
    loses_uploads: bool = False
    address: str = ""
    storage: str = ""

    def names(self) -> list[str]:
        """The requests in their order, without the log-in."""
        return [name for name, _ in self.asked if name != "IntrospectToken"]

    def zipped(self) -> bytes:
        """The archive that is offered."""
        return zip_of(self.data) if self.archive is None else self.archive

    def _introspecttoken(self, body):
        return {"active": body["token"] == TOKEN, "username": "somebody"}

    def _listdatatreefiles(self, body):
        folder = body["path"] + "/"
        below = [name.removeprefix(folder) for name in sorted(self.data) if name.startswith(folder)]
        files = [{"name": name, "totalBytes": len(self.data[folder + name])} for name in below if "/" not in name]
        start = int(body.get("pageToken") or 0)
        end = start + min(body["pageSize"], 2)  # small pages, so that turning them is tried
        return {"files": files[start:end], "nextPageToken": str(end) if end < len(files) else "",
                "directories": [{"name": name} for name in sorted({one.split("/")[0] for one in below if "/" in one})]
                if start == 0 else []}

    def _getcompetitiondatafilessummary(self, body):
        kinds = [{"extension": ".dcm", "fileCount": len(self.data), "totalSize": sum(map(len, self.data.values()))}]
        return {"fileSummaryInfo": {"totalFileCount": len(self.data), "fileTypes": kinds}}

    def _startsubmissionupload(self, body):
        return {"token": f"blob-{len(self.uploads)}", "createUrl": f"{self.storage}/upload/blob-{len(self.uploads)}"}

    def _createsubmission(self, body):
        self.sent.append(body)
        return {"message": "Successfully submitted", "ref": 4711}

    def _getsubmission(self, body):
        state = self.states.pop(0) if self.states else {"status": "COMPLETE", "publicScore": "0.58123"}
        return {"ref": int(body["ref"]), **(state if int(body["ref"]) == 4711 else {"status": "ERROR"})}


def zip_of(data: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, one in data.items():
            archive.writestr(name, one)
    return content.getvalue()


class _Handler(BaseHTTPRequestHandler):
    kaggle: Kaggle

    def log_message(self, *_):
        pass

    def _send(self, status, content=b"{}", headers=(), kind="application/json"):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _fail(self, fault):
        status, headers = fault if isinstance(fault, tuple) else (fault, {})
        words = {"code": status, "message": self.kaggle.message or "refused"}
        self._send(status, json.dumps(words).encode(), headers)


class _Api(_Handler):
    """api.kaggle.com: every request a POST of JSON with the token in its header."""

    def do_POST(self):
        kaggle, name = self.kaggle, self.path.rsplit("/", 1)[-1]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kaggle.asked.append((name, body))
        key = base64.b64encode(f"somebody:{TOKEN}".encode()).decode()
        if kaggle.faults.get(name):
            self._fail(kaggle.faults[name].pop(0))
        elif name != "IntrospectToken" and self.headers["Authorization"] not in (f"Bearer {TOKEN}", f"Basic {key}"):
            self._fail(401)
        elif body.get("competitionName", kaggle.competition) != kaggle.competition:
            self._fail(404)
        elif name in kaggle.paths:
            self._send(200, json.dumps(kaggle.paths[name](body)).encode())
        elif name in ("DownloadDataFiles", "DownloadDataFile"):
            file = body.get("fileName", f"{kaggle.competition}.zip")
            place = file + (".zip" if file in kaggle.wrapped else "")
            self._send(302, b"", {"Location": f"{kaggle.storage}/{place}?{SIGNATURE}"})
        else:
            self._send(200, json.dumps(getattr(kaggle, "_" + name.lower())(body)).encode())


class _Storage(_Handler):
    """Where signed addresses lead: files with ranges, and uploads."""

    def do_GET(self):
        kaggle, (path, _, query) = self.kaggle, self.path[1:].partition("?")
        kaggle.keys.append(self.headers["Authorization"])
        ours = self.headers["User-Agent"].startswith(OURS) or path != f"{kaggle.competition}.zip"
        fault = kaggle.faults["storage"].pop(0) if ours and kaggle.faults.get("storage") else None
        if query != SIGNATURE:
            fault = 403
        if fault and fault[0] != "cut" if isinstance(fault, tuple) else fault:
            self._fail(fault)
            return
        if path == f"{kaggle.competition}.zip":
            content = kaggle.zipped()
        elif path.removesuffix(".zip") in kaggle.wrapped:
            content = zip_of({path.rsplit("/", 1)[-1].removesuffix(".zip"): kaggle.data[path.removesuffix(".zip")]})
        else:
            content = kaggle.data[path]
        if ours:
            kaggle.ranged.append(self.headers["Range"])
        self._give(content, fault[1] if fault else len(content))

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.kaggle.loses_uploads:
            self.kaggle.uploads[self.path.rsplit("/", 1)[-1]] = content
        self._send(400 if self.kaggle.loses_uploads else 200)

    def _give(self, content, most):
        start, headers, status = 0, {"ETag": self.kaggle.tag}, 200
        if self.kaggle.ranges:
            headers["Accept-Ranges"] = "bytes"
            if self.headers["Range"] and self.headers["If-Range"] == self.kaggle.tag:
                start, status = int(self.headers["Range"][6:].rstrip("-")), 206
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        rest = content[start:]
        with contextlib.suppress(ConnectionError):  # the client closes answers that it needs for their address only
            self._send(status, rest[:most], {**headers, "Content-Length": str(len(rest) + max(0, most - len(content)))},
                       "application/zip")
        self.close_connection = True


@contextlib.contextmanager
def serving() -> Iterator[Kaggle]:
    """A `Kaggle` on two free ports of loopback: the API and the storage, which must never see the token."""
    kaggle = Kaggle()
    with contextlib.ExitStack() as stack:
        for name, handler in (("address", _Api), ("storage", _Storage)):
            server = ThreadingHTTPServer(("127.0.0.1", 0), type(handler.__name__, (handler,), {"kaggle": kaggle}))
            setattr(kaggle, name, f"http://127.0.0.1:{server.server_port}")
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
        yield kaggle
