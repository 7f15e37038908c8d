"""Whether masks of another space are brought to their place: phantoms moved by known rigid motions; prints a table.

In: nothing but settings. The image is a phantom's T1wCE as an atlas has it: without skull, on a grid of its own, with
other contrast and noise, turned and moved; the series is the same head's T1wCE, thick slices and skull. Out: the
distance between where the tumour's points lie and where the registration puts them. Strangers are another patient's
image. Exit code 1 where fewer than 95 % are right to 2 mm or named.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import sys
from functools import partial
from pathlib import Path

import numpy as np
import tyro

from radiogen.core.errors import run_command

WITHOUT_SKULL = ("fluid", "grey", "white", "nuclei", "blood", "oedema", "rim", "core")
RIGHT_MM = 2.0
LEAST_RIGHT = 0.95


def main(cases: int = 40, seed: int = 77, rotation_degrees: float = 20.0, shift_mm: float = 30.0,
         workers: int | None = None, output: Path | None = None) -> None:
    """Register phantoms that were moved by known rigid motions; prints a table.

    Args:
        cases: Phantoms.
        seed: Of the phantoms and their motions.
        rotation_degrees: Largest rotation, about a random axis, degrees.
        shift_mm: Largest shift, in a random direction, mm.
        workers: Processes (default: one per available core).
        output: Markdown file to write the table to as well.
    """
    from radiogen.core import files
    from radiogen.core.parallel import map_items

    done = list(map_items(partial(case_result, seed, rotation_degrees, shift_mm), range(cases), "registration",
                          workers=workers, unit="case"))
    text = "\n".join(table_lines(done))
    print(f"\n{text}")
    if output:
        files.write_text(output, text + "\n")
    if not holds(done):
        sys.exit(1)


def case_result(seed: int, most_degrees: float, most_mm: float, number: int) -> tuple[float, int, bool]:
    """One phantom: largest error of a tumour's point in mm, how many problems are named, and whether those of
    another patient's image are."""
    from radiogen.imaging.registration.rigid import moved, register_rigid

    random = np.random.default_rng([seed, number])
    head, series = draw_patient(random)
    motion = draw_motion(random, most_degrees, most_mm)
    image, points = strip_and_move(random, head, motion)
    found = register_rigid(image, series)
    error = np.linalg.norm(moved(moved(points, motion), found.transform) - points, axis=1).max()
    _, stranger = draw_patient(np.random.default_rng([seed, number, 1]))
    return float(error), len(found.problems), bool(register_rigid(image, stranger).problems)


def draw_patient(random: np.random.Generator):
    """A head, and its T1wCE series."""
    from radiogen.imaging.volume import Volume
    from radiogen.phantom.anatomy import draw_head
    from radiogen.phantom.geometry import draw_grid
    from radiogen.phantom.series import draw_image

    head = draw_head(random, float(random.random()))
    grid = draw_grid(random, "T1wCE", 0, 0.35, head.centre)
    return head, Volume(draw_image(random, head, "T1wCE", grid, 0.03, 0.12).voxels, grid.affine)


def draw_motion(random: np.random.Generator, most_degrees: float, most_mm: float) -> np.ndarray:
    """A rigid motion (4, 4): rotation about a random axis, then a shift."""
    from radiogen.phantom.anatomy import rotation

    axis, way = (each / np.linalg.norm(each) for each in random.normal(size=(2, 3)))
    motion = np.eye(4)
    motion[:3, :3] = rotation(axis * np.radians(random.uniform(0, most_degrees)))
    motion[:3, 3] = way * random.uniform(0, most_mm)
    return motion


def strip_and_move(random: np.random.Generator, head, motion: np.ndarray):
    """The head's T1wCE without its skull in another space, and the places of its tumour's points in the patient."""
    from radiogen.imaging.volume import Volume
    from radiogen.phantom.anatomy import render, render_tumour
    from radiogen.phantom.series import _tissue_levels

    step, shape = 1.5, (120, 140, 120)
    affine = np.eye(4)
    affine[:3, :3] = step * np.eye(3)[:, ::-1]
    affine[:3, 3] = motion[:3, 3] + head.centre - step * (np.array(shape[::-1]) - 1) / 2
    levels = {name: level ** 1.2 for name, level in _tissue_levels("T1wCE").items() if name in WITHOUT_SKULL}
    back = np.linalg.inv(motion) @ affine
    signal = render(head, levels, back, shape, step)
    noisy = np.where(signal > 0.05, np.abs(signal + 0.02 * random.standard_normal(shape, np.float32)), 0)
    tumour = np.argwhere(render_tumour(head, back, shape, step) > 0.5)
    return (Volume((1000 * noisy).astype(np.int16), affine), tumour @ back[:3, :3].T + back[:3, 3])


def holds(done) -> bool:
    """Whether enough are right, and all others are named."""
    right = [error <= RIGHT_MM for error, _, _ in done]
    named = [problems > 0 for _, problems, _ in done]
    return bool(np.mean(right) >= LEAST_RIGHT and all(one or other for one, other in zip(right, named, strict=True)))


def table_lines(done) -> list[str]:
    """The Markdown table."""
    errors = np.array([error for error, _, _ in done])
    named = np.array([problems > 0 for _, problems, _ in done])
    right = errors <= RIGHT_MM
    strangers = sum(found for _, _, found in done)
    return ["| phantoms moved by known motions | found |", "| --- | --- |",
            f"| every point of the tumour right to {RIGHT_MM:g} mm | {right.sum()} of {len(done)} |",
            f"| largest error of a point, median (90 %, most) | {np.median(errors):.2f} mm "
            f"({np.quantile(errors, 0.9):.2f}, {errors.max():.2f}) |",
            f"| wrong, and named | {(~right & named).sum()} of {(~right).sum()} |",
            f"| right, and named all the same | {(right & named).sum()} of {right.sum()} |",
            f"| another patient's image, named | {strangers} of {len(done)} |"]


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
