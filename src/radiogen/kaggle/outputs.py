"""One output file of a kernel's version, downloaded; a download that broke off is resumed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radiogen.core.errors import UserError
from radiogen.kaggle.kernel_sessions import output_addresses
from radiogen.kaggle.transfer import TIMEOUT, fetch


def fetch_output(api: Any, kernel: str, version: int, name: str, path: Path, *,
                 pause: Callable[[float], None] = time.sleep) -> Path:
    """Download the output `name` of this version to `path`. Raises UserError where the version has no such file."""
    import requests

    def request() -> requests.Response:
        address = output_addresses(api, kernel, version, pause=pause).get(name)  # they expire: a fresh one each time
        if address is None:
            raise UserError(kernel, f"version {version} has no output {name}", "look at its page")
        answer = requests.get(address, stream=True, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer

    return fetch(request, path, f"{name} of {kernel}", pause=pause)
