"""A synthetic series of each kind that scanners and exports produce, as large as real ones: for real_series.py.

In: an empty folder and a seed. Out: folders of series by kind: a head of 60 slices of 256 x 256 turned into each
variant of synthetic/transcoding.py and into three that pydicom has to parse, and five time points of 40
slices of 64 x 64, as files and as frames.
"""

from pathlib import Path

import numpy as np

HEAD, TIME_POINTS = (60, 256, 256), (5, 40, 64, 64)
Shape = tuple[int, ...]
LEFT_TO_PYDICOM = ("big endian", "deflated", "odd element")
"""Kinds whose headers the compiled reader does not parse."""


def make_kinds(room: Path, seed: int, head: Shape = HEAD, time_points: Shape = TIME_POINTS) -> dict[str, Path]:
    """Write all of them below `room`; their folders by kind."""
    from benchmarks.speed.imaging_conditions import make_series
    from benchmarks.synthetic.transcoding import VARIANTS, transcode

    made = {"explicit": make_series(room / "explicit", head, seed)}
    for number, kind in enumerate(VARIANTS):
        made[kind] = room / kind.replace(" ", "-").replace(",", "")
        transcode(made["explicit"], made[kind], kind, np.random.default_rng([seed, number]))
    for kind in LEFT_TO_PYDICOM:
        made[kind] = room / kind.replace(" ", "-")
        _convert(made["explicit"], made[kind], kind)
    made["time points"] = _time_points(room / "time-points", time_points, seed)
    made["time points, enhanced"] = _enhanced_time_points(room / "time-points-enhanced", time_points, seed)
    return made


def _convert(source: Path, folder: Path, kind: str) -> None:
    """Write the files of `source` again as one of `LEFT_TO_PYDICOM`."""
    import pydicom
    from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

    folder.mkdir()
    for path in sorted(source.iterdir()):
        read = pydicom.dcmread(path)
        dataset = pydicom.Dataset({element.tag: element for element in read})  # free of the file's encoding
        dataset.file_meta, dataset.preamble = read.file_meta, read.preamble
        if kind == "big endian":
            dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
            dataset.PixelData = np.frombuffer(read.PixelData, "<u2").byteswap().tobytes()
        elif kind == "deflated":
            dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        else:
            dataset.add_new("EchoTime", "LO", "12")
        dataset.save_as(folder / path.name, implicit_vr=False, little_endian=kind != "big endian",
                        enforce_file_format=True)


def _time_points(folder: Path, shape: Shape, seed: int) -> Path:
    from benchmarks.synthetic.series_files import write_series

    for number, voxels in enumerate(_noise(shape, seed)):
        write_series(folder, voxels, first=number * shape[1] + 1, TemporalPositionIdentifier=number + 1,
                     SeriesInstanceUID="2.25.28")
    return folder


def _enhanced_time_points(folder: Path, shape: Shape, seed: int) -> Path:
    from benchmarks.synthetic.enhanced_kinds import one
    from benchmarks.synthetic.series_files import AXIAL, write_enhanced

    def change(frame: int, groups) -> None:
        moment, place = divmod(frame, shape[1])
        groups.PlanePositionSequence = one(ImagePositionPatient=(AXIAL @ [place, 0, 0, 1])[:3].tolist())
        groups.FrameContentSequence = one(TemporalPositionIndex=moment + 1)

    write_enhanced(folder / "enhanced.dcm", _noise(shape, seed).reshape(-1, *shape[2:]), change=change)
    return folder


def _noise(shape: Shape, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4000, shape).astype(np.uint16)
