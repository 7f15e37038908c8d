"""Whether copies of a series are found that were moved, mirrored, turned or cut, and how often strangers are taken for
copies.

In: phantoms of one scanner's protocol, the hardest for they differ in their heads alone, and real series where the
folder that RADIOGEN_REAL_DATA names is there. Out: a Markdown table of facts. Exit code 1 where a fact fails.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tyro
from scipy import ndimage

from benchmarks.accuracy.controls import Fact, exit_unless_held, write_facts
from radiogen.core.errors import run_command

LEAST_FOUND = 0.95
MOST_FALSE = 1e-4
"""Of the pairs of different patients."""
SPACING = (6.5, 1.0, 1.0)
"""Of slices to rows to columns, by which a head is turned: the phantom's, and about that of the real series."""

Change = Callable[[np.ndarray], np.ndarray]


def main(phantoms: int = 150, seed: int = 9, output: Path | None = None) -> None:
    """Make copies of phantoms and real series and look for them among the originals; some minutes of a core.

    Args:
        phantoms: Heads drawn.
        seed: Of the first.
        output: Markdown file to write the table to as well.
    """

    facts = copy_facts("phantoms", draw_phantoms(phantoms, seed), seed)
    real = Path(os.environ.get("RADIOGEN_REAL_DATA", ""), "tcga_lgg_side", "train")
    for sequence in ("FLAIR", "T1wCE") if os.environ.get("RADIOGEN_REAL_DATA") and real.is_dir() else ():
        facts += copy_facts(f"real {sequence}", read_all(sorted(real.glob(f"*/{sequence}"))), seed)
    write_facts(facts, output, about="series")
    exit_unless_held(facts, "near-duplicates are not found as they should be: a fact does not hold (above)")


def changes(seed: int) -> dict[str, tuple[Change, float]]:
    """What is done to a copy, by its name, and the least share of them that has to be found."""
    random = np.random.default_rng(seed)
    return {"shifted by a voxel along rows and columns": (lambda voxels: np.roll(voxels, 1, (1, 2)), LEAST_FOUND),
            "shifted by a slice": (lambda voxels: np.roll(voxels, 1, 0), LEAST_FOUND),
            "mirrored left to right": (lambda voxels: voxels[:, :, ::-1], LEAST_FOUND),
            "mirrored head to foot": (lambda voxels: voxels[::-1], LEAST_FOUND),
            "turned by 3 degrees in plane": (lambda voxels: turned(voxels, (1, 2)), LEAST_FOUND),
            "turned by 3 degrees through planes": (lambda voxels: turned(voxels, (0, 1)), LEAST_FOUND),
            "cropped by 5 %": (cropped, LEAST_FOUND),
            "without every tenth slice": (lambda voxels: np.delete(voxels, np.s_[5::10], axis=0), LEAST_FOUND),
            "without the lowest 10 % of slices": (lambda voxels: voxels[round(0.1 * len(voxels)):], LEAST_FOUND),
            "with 2 % of noise": (lambda voxels: voxels + random.normal(0, 0.02 * np.ptp(voxels), voxels.shape),
                                  LEAST_FOUND)}


def copy_facts(name: str, volumes: Sequence[np.ndarray], seed: int) -> list[Fact]:
    """How many copies are found of each kind, and how many pairs of strangers."""
    from radiogen.evaluation.audit.near_pixels import near_thumbnails

    originals = [marked(voxels) for voxels in volumes]
    began = time.process_time()
    false, pairs = len(near_thumbnails(originals)), len(originals) * (len(originals) - 1) // 2
    seconds = time.process_time() - began
    facts = []
    for kind, (change, least) in changes(seed).items():
        found = near_thumbnails(originals, [marked(change(voxels)) for voxels in volumes])
        own, others = sum(one == other for one, other in found), sum(one != other for one, other in found)
        false, pairs = false + others, pairs + len(originals) * (len(originals) - 1)
        facts.append(Fact(f"{name}, {kind}", f"{least:.0%} or more are found", f"{own} of {len(originals)}",
                          own >= least * len(originals)))
    facts.append(Fact(f"{name}, strangers", f"at most 1 in {1 / MOST_FALSE:,.0f} pairs is taken for a copy",
                      f"{false} of {pairs:,} pairs; comparing {len(originals)} series: {seconds:.1f} s of a core",
                      false <= MOST_FALSE * pairs))
    return facts


def marked(voxels: np.ndarray) -> str:
    """The perceptual hash of a volume."""
    from radiogen.arrays.perceptual_hash import hash_targets, perceptual_hash
    from radiogen.imaging.resized import resize_volume
    from radiogen.imaging.volume import Volume

    volume = Volume(np.ascontiguousarray(voxels), None)
    return perceptual_hash(resize_volume(volume, hash_targets(volume.voxels.shape)))


def draw_phantoms(count: int, seed: int) -> list[np.ndarray]:
    """FLAIR series of different heads by one protocol."""
    return [draw_phantom(number, seed) for number in range(count)]


def draw_phantom(number: int, seed: int) -> np.ndarray:
    """One of them."""
    from radiogen.phantom.anatomy import draw_head
    from radiogen.phantom.geometry import draw_grid
    from radiogen.phantom.series import draw_image

    random = np.random.default_rng([seed, number])
    head = draw_head(random, float(random.random()))
    grid = draw_grid(random, "FLAIR", 0, 0.35, head.centre)
    return draw_image(random, head, "FLAIR", grid, 0.03, 0.12).voxels


def read_all(folders: Sequence[Path]) -> list[np.ndarray]:
    """The voxels of series."""
    from radiogen.imaging.series import read_series

    return [read_series(folder).voxels for folder in folders]


def turned(voxels: np.ndarray, axes: tuple[int, int], degrees: float = 3.0) -> np.ndarray:
    """The head turned about its middle, in millimetres."""
    turn, scale = np.eye(3), np.diag(SPACING)
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    one, other = axes
    turn[one, one], turn[other, other], turn[one, other], turn[other, one] = cosine, cosine, -sine, sine
    matrix, middle = np.linalg.inv(scale) @ turn @ scale, (np.array(voxels.shape) - 1) / 2
    return ndimage.affine_transform(voxels.astype(np.float32), matrix, middle - matrix @ middle, order=1,
                                    mode="nearest")


def cropped(voxels: np.ndarray) -> np.ndarray:
    """Without 2.5 % at each end of each axis."""
    return voxels[tuple(slice(round(0.025 * size), size - round(0.025 * size)) for size in voxels.shape)]


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
