"""Both paths on random combinations of kinds, odd values and damage: the same volume or the same refusal, always."""

import functools
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from benchmarks.synthetic import additions, raw_elements
from benchmarks.synthetic.series_files import pattern, write_series

from ..made import fast_kinds
from ..made.both_paths import agree
from ..made.damage import cut, is_editable, overwritten, put_value, reorder, shifted, values
from ..made.fast_kinds import KINDS
from ..made.other_kinds import OTHERS

MAKERS = {kind: maker for kind, maker in {**KINDS, **OTHERS}.items() if kind != "enhanced, 520 frames"}
BESIDE = (additions.text_beside, additions.json_beside, fast_kinds.dicomdir_beside, fast_kinds.raw_data_beside,
          additions.copies, fast_kinds.localisers_beside, fast_kinds.other_series_beside)
EDITS = (additions.private_sequences, functools.partial(additions.private_sequences, unknown=True),
         additions.trailing_padding, additions.zeros_behind)
BYTES = (overwritten, overwritten, cut, shifted)
ROOM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
QUICK = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=4000, derandomize=False)

seeds = some.integers(0, 2**32 - 1)
some_or_all = some.sampled_from(["one", "one", "half", "all"])
odd_values = some.lists(some.tuples(values(), some_or_all, seeds), min_size=1, max_size=3)


@functools.cache
def _base(kind: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(dir=ROOM) as room:
        folder = Path(room) / "series"
        folder.mkdir()
        MAKERS[kind](folder, np.random.default_rng(28))
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def _write(folder: Path, kind: str) -> list[Path]:
    """Write the files of a kind; those that are images come back."""
    folder.mkdir()
    for name, content in _base(kind).items():
        (folder / name).write_bytes(content)
    return [path for path in sorted(folder.iterdir()) if path.name.startswith(("Image", "enhanced"))]


def _chosen(paths: list[Path], which: str, seed: int) -> list[Path]:
    count = {"one": 1, "half": (len(paths) + 1) // 2, "all": len(paths)}[which]
    return [paths[index] for index in np.random.default_rng(seed).permutation(len(paths))[:count]]


def _combine(kind, beside, edits, seed) -> None:
    with tempfile.TemporaryDirectory(dir=ROOM) as room:
        folder, random = Path(room) / "series", np.random.default_rng(seed)
        paths = _write(folder, kind)
        for path in paths:
            for edit in edits:
                if is_editable(path.read_bytes()):
                    raw_elements.rewrite(path, lambda parts, edit=edit: edit(parts, random))
        for add in beside:
            add(folder, random)
        agree(folder)


def _spoil(kind, seed, *, odd=(), reordered=False, damage=None) -> None:
    """Odd values, or elements in another order, which need whole files; then damage to the bytes of one."""
    with tempfile.TemporaryDirectory(dir=ROOM) as room:
        folder, random = Path(room) / "series", np.random.default_rng(seed)
        paths = _write(folder, kind)
        whole = {path: raw_elements.split(path.read_bytes()) for path in paths if is_editable(path.read_bytes())}
        whole = {path: parts for path, parts in whole.items() if len(parts.elements) > 3}  # else wrongly labelled
        for path in _chosen(list(whole), "half", seed) if reordered else []:
            reorder(whole[path], random)
        for drawn, which, own_seed in odd:
            for path in _chosen(list(whole), which, own_seed):
                put_value(whole[path], drawn)
        for path, parts in whole.items():
            path.write_bytes(parts.joined())
        if damage:
            (path,) = _chosen(paths, "one", seed)
            path.write_bytes(damage(path.read_bytes(), random))
        agree(folder)


@pytest.mark.parametrize("which", ["one", "all"])
@pytest.mark.parametrize("kind", ["explicit", "implicit", "enhanced, rescaled", "RLE"])
@pytest.mark.parametrize(("tag", "representation", "value"), [
    (0x0028_0103, "US", b"\0\0\0\0"), (0x0028_0101, "US", b"\x0c\0\x0c\0\x0c\0"), (0x0028_0010, "US", b"\x0a\0\x0a\0"),
    (0x0028_1052, "DS", b"1e22\\1e5"), (0x0028_1053, "DS", b"2\\3 "), (0x0028_0030, "DS", b"1\\2\\3 "),
    (0x0028_3000, "SQ", b"SV10"), (0x0020_0012, "IS", b"1\\2 "), (0x0020_0013, "IS", b"1\\2 "),
    (0x0028_0008, "IS", b"1\\1 "), (0x0008_0005, "SS", b"ORIGINAL"), (0x0008_0005, "UN", b"\x92\xbe"),
    (0x0008_0005, "CS", b"nothing known "), (0x0018_0081, "DS", b"1\\2 "), (0x0018_9087, "FD", bytes(10)),
    (0x0008_0005, "CS", b"ISO_IR 100\0\\X"),
    (0x0018_9089, "FD", b"\0\0\0\0")], ids=str)
def test_both_paths_agree_on_several_values_and_on_values_that_are_no_such(kind, which, tag, representation, value):
    _spoil(kind, 28, odd=[((tag, representation, value, None), which, 3)])


@pytest.mark.parametrize("length", [0x9DFF_FFFF, 0x7FFF_FFFF, 0x0010_0000, 0xFFFF_FFFE])
def test_both_paths_agree_on_a_nested_sequence_longer_than_its_file(tmp_path, length):
    inner = raw_elements.element(0x0021_1002, "SQ", raw_elements.item(b""), length=length)[1]
    for path in write_series(tmp_path, pattern(), SeriesInstanceUID="2.25.1")[:1]:
        raw_elements.rewrite(path, lambda parts: raw_elements.put(parts, raw_elements.sequence(
            0x0021_1001, [raw_elements.item(inner)])))
    agree(tmp_path)


combinations = given(some.sampled_from(list(MAKERS)), some.lists(some.sampled_from(BESIDE), max_size=2, unique=True),
                     some.lists(some.sampled_from(EDITS), max_size=3), seeds)
odd_headers = given(some.sampled_from(list(MAKERS)), odd_values, seeds)
damages = given(some.sampled_from(list(MAKERS)), some.booleans(), some.sampled_from([None, *BYTES]), seeds)


@combinations
@QUICK
def test_both_paths_agree_on_random_combinations_of_kinds(kind, beside, edits, seed):
    _combine(kind, beside, edits, seed)


@odd_headers
@QUICK
def test_both_paths_agree_on_odd_values_in_a_header(kind, odd, seed):
    _spoil(kind, seed, odd=odd)


@damages
@QUICK
def test_both_paths_agree_on_damaged_files(kind, reordered, damage, seed):
    _spoil(kind, seed, reordered=reordered, damage=damage)


@pytest.mark.slow
@combinations
@LONG
def test_both_paths_agree_on_thousands_of_combinations_of_kinds(kind, beside, edits, seed):
    _combine(kind, beside, edits, seed)


@pytest.mark.slow
@odd_headers
@LONG
def test_both_paths_agree_on_odd_values_in_thousands_of_headers(kind, odd, seed):
    _spoil(kind, seed, odd=odd)


@pytest.mark.slow
@damages
@LONG
def test_both_paths_agree_on_thousands_of_damaged_files(kind, reordered, damage, seed):
    _spoil(kind, seed, reordered=reordered, damage=damage)
