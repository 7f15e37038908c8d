"""No test of this room reaches beyond loopback; here are a Kaggle there, a client logged in, and commands run there."""

import os
import socket
from pathlib import Path

import pytest

from benchmarks.synthetic.kaggle_commands import SOURCE, redirected_command, user_variables
from benchmarks.synthetic.kaggle_server import TOKEN, serving

from ..warm_commands import run_python
from .kaggle_kernel_paths import serving as serving_kernels

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch):
    """Whatever connects elsewhere fails the test."""
    connect = socket.socket.connect

    def refuse(self, address):
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            pytest.fail(f"a test connects to {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Kaggle on loopback, to which this process' client is turned; the token is the server's, home is empty."""
    place = pytest.importorskip("kagglesdk.kaggle_env")
    for name in user_variables():
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home" / ".kaggle"))
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    with serving() as kaggle:
        monkeypatch.setitem(place._env_to_endpoint, place.KaggleEnv.PROD, kaggle.address)
        yield kaggle


@pytest.fixture
def client(stand_in):
    """The real client, logged in at `stand_in`."""
    from radiogen.kaggle.client import connect

    return connect()


@pytest.fixture
def kaggle():
    """Kaggle on loopback that takes data sets and kernels."""
    with serving_kernels() as server:
        yield server


@pytest.fixture
def api(kaggle, tmp_path, monkeypatch):
    """The real client, logged in as somebody by a key, whose Kaggle is the server `kaggle`."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home" / ".kaggle"))
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    kaggle_env = pytest.importorskip("kagglesdk.kaggle_env")
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, kaggle.address)
    client = pytest.importorskip("kaggle.api.kaggle_api_extended").KaggleApi()
    client.authenticate()
    return client


@pytest.fixture
def command(stand_in, tmp_path):
    """Run a script in `tmp_path` with the real client turned to `stand_in`."""
    def run(script, *arguments, **environment):
        return run_python(*redirected_command(SCRIPTS / f"{script}.py", *arguments)[1:], cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": SOURCE, "KAGGLE_STAND_IN": stand_in.address,
                               **environment})
    return run
