"""An MIT package whose bundle goes to Kaggle may be installed beside permissive licences alone; others need a reason.

What a package declares is read from its metadata (License-Expression, else License, else its classifiers), what its
wheel carries along from the libraries in it. GPL and AGPL have no way in.
"""

import importlib.metadata
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent

PERMISSIVE = {
    "MIT", "MIT-CMU", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "PSF-2.0",
    "Zlib", "CC0-1.0", "ISC", "MIT-0"}

SPELLINGS = {
    "MIT License": "MIT", "BSD": "BSD-3-Clause", "BSD License": "BSD-3-Clause", "BSD 3-Clause": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause", "3-Clause BSD License": "BSD-3-Clause", "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0", "Apache License": "Apache-2.0", "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0", "ISC license": "ISC",
    "OSI Approved :: Apache Software License": "Apache-2.0", "Python Software Foundation License": "PSF-2.0"}
"""What packages write instead of an SPDX identifier."""

DECISIONS = {
    "certifi": ("MPL-2.0", "installed unchanged; MPL asks for the source of its own files alone"),
    "tqdm": ("MPL-2.0 AND MIT", "installed unchanged; MPL asks for the source of its own files alone"),
    "hypothesis": ("MPL-2.0", "test only, and installed unchanged"),
    "pathspec": ("MPL-2.0", "test only, for mypy, and installed unchanged"),
    "text-unidecode": ("Artistic-1.0-Perl", "offered under GPL or the Artistic License; taken under the second"),
    "dcm2niix": ("BSD-2-Clause", "test only; its metadata holds the text of the licence instead of its name"),
    "ptyprocess": ("ISC", "test only, for Jupyter; its metadata names the licence in a classifier alone"),
    "namex": ("Apache-2.0", "its metadata says nothing; the licence is in its wheel")}
"""Packages whose metadata alone does not do: the licence they are used under, and why that is all right."""

COPYLEFT_LIBRARIES = re.compile(
    r"lib(av(codec|device|filter|format|util)|sw(resample|scale)|postproc|x26[45]|heif|de265|lzo2|gmp|gsl|fftw3|"
    r"readline|fribidi|cairo|kvazaar|gfortran|gomp|quadmath|stdc\+\+)\b")
"""Libraries under LGPL or GPL that wheels are known to carry."""
FFMPEG = "FFmpeg, LGPL-2.1, as libraries of their own that can be exchanged; only its image functions are used"
RUNTIME = "run-time libraries of GCC, GPL-3.0 with the Runtime Library Exception, which lets any program use them"
CARRIED = {"opencv-python-headless": f"{FFMPEG}; {RUNTIME}", "imagecodecs": RUNTIME, "numpy": RUNTIME, "scipy": RUNTIME,
           "scikit-learn": RUNTIME, "simsimd": RUNTIME}
"""Packages whose wheels carry such libraries, and why that is all right."""


def locked(text: str) -> list[str]:
    """The packages of a lock file that belong into an environment like this one."""
    pins = re.findall(r"^([\w.-]+)==[^\s;]+\s*(?:;\s*(.*?))?\s*\\?$", text, re.MULTILINE)
    return sorted({name.lower() for name, marker in pins if not marker or Marker(marker).evaluate()})


def declared(metadata: Message) -> str:
    """An SPDX expression out of a package's metadata, '' where it names none."""
    name = (metadata.get("License-Expression") or metadata.get("License") or "").strip()
    if not name or "\n" in name or name.lower().startswith("copyright") or len(name) > 60:
        classifiers = [each.split("::")[-1].strip() for each in metadata.get_all("Classifier") or []
                       if each.startswith("License ::")]
        return " AND ".join(SPELLINGS.get(each, each) for each in classifiers)
    return SPELLINGS.get(name, name)


def is_permissive(expression: str) -> bool:
    """Whether every part that AND joins offers a permissive licence."""
    parts = [part.strip("() ").split(" OR ") for part in expression.split(" AND ")]
    return all(any(each.strip("() ") in PERMISSIVE for each in part) for part in parts)


def is_strong_copyleft(expression: str) -> bool:
    return re.search(r"(?<![A-Z])A?GPL|Affero|(?<!Lesser )General Public", expression) is not None


def problem(name: str, metadata: Message) -> str | None:
    """What is wrong with a package's licence."""
    licence = DECISIONS[name][0] if name in DECISIONS else declared(metadata)
    if is_permissive(licence):
        return None
    if is_strong_copyleft(licence):
        return f"{name}: {licence} cannot be used by an MIT package"
    return None if name in DECISIONS else f"{name}: {licence or 'no licence declared'} needs a decision"


def needed(names: Iterator[str]) -> set[str]:
    """`names` and all that they require here."""
    found, waiting = set(), list(names)
    while waiting:
        name = re.sub(r"[_.]", "-", waiting.pop().lower())
        if name in found:
            continue
        found.add(name)
        for wanted in map(Requirement, importlib.metadata.requires(name) or []):
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                waiting.append(wanted.name)
    return found


def metadata_of(**fields: str) -> Message:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


def test_every_pinned_package_is_under_a_permissive_licence_or_has_a_decision():
    names = locked((ROOT / "requirements-test.lock").read_text(encoding="utf-8"))
    assert len(names) > 50
    assert [found for name in names if (found := problem(name, importlib.metadata.metadata(name)))] == []


def test_wheels_carry_no_copyleft_library_without_a_decision():
    names = locked((ROOT / "requirements-test.lock").read_text(encoding="utf-8"))
    carriers = {name for name in names for file in importlib.metadata.files(name) or ()
                if COPYLEFT_LIBRARIES.match(file.name)}
    assert carriers and carriers <= set(CARRIED)


def test_decisions_are_about_packages_that_are_pinned_and_give_a_reason():
    names = locked((ROOT / "requirements-test.lock").read_text(encoding="utf-8"))
    assert set(DECISIONS) <= set(names) and set(CARRIED) <= set(names)
    assert all(reason for _, reason in DECISIONS.values())
    assert not any(is_strong_copyleft(licence) for licence, _ in DECISIONS.values())


def test_what_is_called_test_only_is_not_needed_by_the_package():
    asked = {name for name, (_, reason) in DECISIONS.items() if reason.startswith("test only")}
    assert asked and not asked & needed(["radiogen"])


@pytest.mark.parametrize("fields", [
    {"License": "GPLv3+"}, {"License_Expression": "GPL-3.0-or-later"}, {"License_Expression": "MIT AND AGPL-3.0-only"},
    {"License": "GNU General Public License v3"}, {"License": "GNU Affero General Public License v3"},
    {"Classifier": "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"}])
def test_gpl_fails_however_it_is_spelt(fields):
    assert "cannot be used by an MIT package" in problem("some", metadata_of(**fields))


@pytest.mark.parametrize("fields", [
    {}, {"License": "MPL-2.0"}, {"License_Expression": "LGPL-2.1-or-later"}, {"License": "Proprietary"},
    {"License_Expression": "MIT AND LGPL-2.1-only"}, {"License": "GNU Lesser General Public License v2"}])
def test_other_licences_fail_until_there_is_a_decision(fields, monkeypatch):
    assert "needs a decision" in problem("some", metadata_of(**fields))
    monkeypatch.setitem(DECISIONS, "some", ("MPL-2.0", "because"))
    assert problem("some", metadata_of(**fields)) is None


def test_of_licences_to_choose_from_one_has_to_be_permissive():
    assert problem("some", metadata_of(License_Expression="GPL-2.0-only OR MIT")) is None
    assert is_permissive("Apache-2.0 OR GPL-2.0-only") and is_permissive("(MIT OR LGPL-3.0) AND Zlib")
    assert not is_permissive("MPL-2.0 OR GPL-2.0-only") and not is_permissive("")


def test_a_decision_cannot_let_gpl_in(monkeypatch):
    monkeypatch.setitem(DECISIONS, "some", ("GPL-3.0-only", "because"))
    assert "cannot be used" in problem("some", metadata_of(License="MIT"))


@pytest.mark.parametrize("name", ["libavcodec-c4204469.so.62", "libx265.so.199", "libgomp-e985bcbb.so.1.0.0"])
def test_copyleft_libraries_are_seen_by_their_file_names(name):
    assert COPYLEFT_LIBRARIES.match(name)
    assert not COPYLEFT_LIBRARIES.match(name.replace("lib", "libz"))
