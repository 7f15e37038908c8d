"""Both paths on random combinations of kinds, odd values and damage: the same volume or the same refusal, always."""

import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from . import fast_kinds, raw_elements
from .both_paths import agree
from .damage import cut, is_editable, overwritten, reordered, shifted, values, with_value
from .fast_kinds import KINDS
from .other_kinds import OTHERS

MAKERS = {kind: maker for kind, maker in {**KINDS, **OTHERS}.items() if kind != "enhanced, 520 frames"}
BESIDE = (fast_kinds.text_beside, fast_kinds.json_beside, fast_kinds.dicomdir_beside, fast_kinds.raw_data_beside,
          fast_kinds.copies, fast_kinds.localisers_beside, fast_kinds.other_series_beside)
EDITS = (fast_kinds.private_sequences, functools.partial(fast_kinds.private_sequences, unknown=True),
         fast_kinds.trailing_padding, fast_kinds.zeros_behind)
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


def _spoil(kind, seed, *, odd=(), reorder=False, damage=None) -> None:
    """Odd values, or elements in another order, which need whole files; then damage to the bytes of one."""
    with tempfile.TemporaryDirectory(dir=ROOM) as room:
        folder, random = Path(room) / "series", np.random.default_rng(seed)
        paths = _write(folder, kind)
        for path in _chosen(paths, "half", seed) if reorder else []:
            _change(path, lambda content: reordered(content, random))
        for told, which, own_seed in odd:
            for path in _chosen(paths, which, own_seed):
                _change(path, lambda content, told=told: with_value(content, told))
        if damage:
            (path,) = _chosen(paths, "one", seed)
            path.write_bytes(damage(path.read_bytes(), random))
        agree(folder)


def _change(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Let `change` work on a file that can be taken apart; an earlier odd value may be in the way of the next."""
    content = path.read_bytes()
    if is_editable(content):
        path.write_bytes(change(content))


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
def test_both_paths_agree_on_damaged_files(kind, reorder, damage, seed):
    _spoil(kind, seed, reorder=reorder, damage=damage)


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
def test_both_paths_agree_on_thousands_of_damaged_files(kind, reorder, damage, seed):
    _spoil(kind, seed, reorder=reorder, damage=damage)
