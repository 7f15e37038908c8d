"""What the two commands install is pinned, and its bytes are known."""

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _pins() -> dict[str, str]:
    """By package, what requirements.lock says of it on one line."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    told = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return {re.split(r"==|\s", line.lower())[0].replace("_", "-"): line for line in told}


def test_every_package_is_pinned_to_one_version_and_to_hashes_of_its_files():
    assert len(_pins()) > 50
    assert [name for name, line in _pins().items() if not re.match(r"[\w.\[\]-]+==[\w.]+.*--hash=sha256:[0-9a-f]{64}",
                                                                   line)] == []


def test_everything_that_the_package_asks_for_is_among_the_pins():
    options = configparser.ConfigParser()
    options.read(ROOT / "setup.cfg")
    asked = options["options"]["install_requires"].split("\n") + options["options.extras_require"]["test"].split("\n")
    names = {re.split(r"[\s<>=;\[]", line.strip().lower())[0] for line in asked if line.strip()}
    assert names and names <= set(_pins())


def test_the_set_up_refuses_a_package_whose_bytes_are_others():
    assert "--require-hashes -r requirements.lock" in (ROOT / "Makefile").read_text(encoding="utf-8")
