"""A stand-in for Kaggle's API on loopback: what datasets, kernels and code submissions ask of it.

Paths, field names and the order of calls were read from kaggle 2.2.4 and 2.2.5, kagglesdk 0.1.37 and 0.1.38. It keeps
what it was sent; `Kaggle.fails` makes a request answer with a status, `Kaggle.stumbles` a few times with 503,
`Kaggle.answers` changes fields of an answer.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Kaggle:
    """What the server knows; `retry` lists the requests in their order."""

    asked: list[tuple[str, dict]] = field(default_factory=list)
    blobs: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    datasets: dict[str, list[list[str]]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    kernels: dict[str, list[dict]] = field(default_factory=dict)
    submissions: list[dict] = field(default_factory=list)
    dataset_states: list[str] = field(default_factory=list)
    kernel_states: list[str] = field(default_factory=list)
    submission_states: list[dict] = field(default_factory=list)
    fails: dict[str, int] = field(default_factory=dict)
    stumbles: dict[str, int] = field(default_factory=dict)
    answers: dict[str, dict] = field(default_factory=dict)
    outputs: dict[tuple[str, int], dict[str, bytes]] = field(default_factory=dict)
    logs: dict[tuple[str, int], str] = field(default_factory=dict)
    version_states: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    quota_hours: tuple[float, float, float] = (30.0, 0.0, 0.0)
    on_push: Callable[[str, int, dict], None] = lambda kernel, version, body: None
    docker_image: str = ""
    loses_uploads: bool = False
    loses: int = 0
    address: str = ""

    def answer(self, request: str, body: dict) -> tuple[int, dict]:
        """The status and the fields with which `request` is answered."""
        self.asked.append((request, body))
        if request in self.fails:
            return self.fails[request], {"code": self.fails[request], "message": "refused"}
        if self.stumbles.get(request, 0):
            self.stumbles[request] -= 1
            return 503, {"code": 503, "message": "busy"}
        made = getattr(self, "_" + request.lower())(body)
        if made is None:
            return 404, {"code": 404, "message": "not found"}
        return 200, made | self.answers.get(request, {})

    def _getdatasetstatus(self, body):
        ref = f"{body['ownerSlug']}/{body['datasetSlug']}"
        if ref not in self.datasets:
            return None
        return {"status": self.dataset_states.pop(0) if self.dataset_states else "READY"}

    def _getdataset(self, body):
        ref = f"{body['ownerSlug']}/{body['datasetSlug']}"
        return {"ref": ref, "currentVersionNumber": len(self.datasets[ref])} if ref in self.datasets else None

    def _startblobupload(self, body):
        token = f"blob-{len(self.blobs)}"
        self.blobs[token] = (body["name"], b"")
        return {"token": token, "createUrl": f"{self.address}/upload/{token}"}

    def _createdataset(self, body):
        ref = f"{body['ownerSlug']}/{body['slug']}"
        self.private[ref] = body.get("isPrivate", False)  # the client leaves out what is as usual
        self.datasets[ref] = [[one["token"] for one in body.get("files", [])]]
        return {"ref": ref, "status": "ok", "url": "u", "error": ""}

    def _createdatasetversion(self, body):
        ref = f"{body['ownerSlug']}/{body['datasetSlug']}"
        self.datasets[ref].append([one["token"] for one in body["body"].get("files", [])])
        return {"ref": ref, "status": "ok", "url": "u", "error": ""}

    def _listdatasetfiles(self, body):
        tokens = self.datasets[f"{body['ownerSlug']}/{body['datasetSlug']}"][-1]
        there = [self.blobs[token] for token in tokens]
        return {"datasetFiles": [{"name": name, "totalBytes": len(content)} for name, content in there
                                 if content or not self.loses_uploads]}

    def _savekernel(self, body):
        self.kernels.setdefault(body["slug"], []).append(body)
        version = len(self.kernels[body["slug"]])
        self.on_push(body["slug"], version, body)
        return {"ref": f"/code/{body['slug']}", "url": f"https://www.kaggle.com/code/{body['slug']}",
                "versionNumber": version}

    def _of_version(self, body):
        """Kernel and version that a request asks about: the newest one without a label, as at Kaggle."""
        kernel, label = f"{body['userName']}/{body['kernelSlug']}", body.get("versionLabel")
        return kernel, int(label.removeprefix("v")) if label else len(self.kernels.get(kernel, [None]))

    def _getkernel(self, body):
        kernel = f"{body['userName']}/{body['kernelSlug']}"
        if kernel not in self.kernels:
            return None
        return {"metadata": {"ref": kernel, "currentVersionNumber": len(self.kernels[kernel]),
                             "dockerImage": self.docker_image}, "blob": {}}

    def _getkernelsessionstatus(self, body):
        states = self.version_states.get(self._of_version(body), self.kernel_states)
        state, _, message = (states.pop(0) if states else "COMPLETE").partition(":")
        return {"status": state, "failureMessage": message or None}

    def _listkernelsessionoutput(self, body):
        kernel, version = self._of_version(body)
        names = sorted(self.outputs.get((kernel, version), {}))
        start = int(body.get("pageToken") or 0)
        end = start + 2  # small pages, so that turning them is tried
        return {"files": [{"fileName": name, "url": f"{self.address}/output/{kernel}/{version}/{name}"}
                          for name in names[start:end]],
                "log": self.logs.get((kernel, version), ""), "nextPageToken": str(end) if end < len(names) else ""}

    def _getacceleratorquotastatistics(self, body):
        total, used, reserved = (f"{hours * 3600:.0f}s" for hours in self.quota_hours)
        return {"quotaRefreshTime": "2026-12-05T00:00:00Z",
                "gpuQuota": {"totalTimeAllowed": total, "timeUsed": used, "timeReserved": reserved}}

    def _createcodesubmission(self, body):
        self.submissions.append(body)
        return {"message": "Successfully submitted", "ref": 4711}

    def _getsubmission(self, body):
        if body["ref"] != 4711 or not self.submissions:
            return None
        return {"ref": 4711, **(self.submission_states.pop(0) if self.submission_states else {"status": "COMPLETE"})}

    def _listsubmissions(self, body):
        made = [{"ref": 4711, "status": "PENDING", "description": one["submissionDescription"],
                 "date": "2999-01-01T00:00:00Z"} for one in self.submissions]
        return {"submissions": [{"ref": 4710, "status": "ERROR"}, *made]}


@contextlib.contextmanager
def serving() -> Iterator[Kaggle]:
    """A `Kaggle` that answers on a free port of loopback; its `address` is where."""
    kaggle = Kaggle()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            status, fields = kaggle.answer(self.path.rsplit("/", 1)[-1], json.loads(content))
            self._send(status, json.dumps(fields).encode())

        def do_PUT(self):
            token = self.path.rsplit("/", 1)[-1]
            content = self._content()
            lost = kaggle.loses_uploads or kaggle.loses > 0
            kaggle.loses -= kaggle.loses > 0
            if not lost:
                kaggle.blobs[token] = (kaggle.blobs[token][0], content)
            self._send(400 if lost else 200, b"{}")

        def do_GET(self):
            owner, slug, version, name = self.path.removeprefix("/output/").split("/", 3)
            content = kaggle.outputs[f"{owner}/{slug}", int(version)][name]
            self._send(200, content)

        def _content(self):
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

        def _send(self, status, content):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kaggle.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield kaggle
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
