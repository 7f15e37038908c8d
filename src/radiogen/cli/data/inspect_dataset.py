"""Inspect a data set before it is used: a table, a contact sheet, the geometry of a case."""

import shlex
from pathlib import Path

from radiogen.core.wording import command


def main(data: Path = Path("input/phantom"), output: Path | None = None, case: str | None = None,
         cases_drawn: int = 16, cache: Path = Path("input/cache"), workers: int | None = None,
         scheduler: str | None = None) -> None:
    """Inspect a data set before it is used: a table, a contact sheet, the geometry of a case.

    The data set itself is never written to, and a series that cannot be read is a row with its reason.

    Example: inspect-dataset --data input/phantom

    Args:
        data: Data set: the folder with train/ and test/, or any folder of folders of DICOM files.
        output: Folder for quality.csv, contact_sheet.png, masks.csv and mask_sheet.png (default:
            CACHE/<data set>-<fingerprint>, beside its arrays).
        case: Print only how the geometry of this case was derived: which values, from where, and what contradicts them.
        cases_drawn: Cases on the contact sheet, spread evenly over all.
        cache: Where arrays are kept.
        workers: Processes (default: one per available core).
        scheduler: Address of a Dask scheduler, such as tcp://10.0.0.1:8786, to spread the series over a cluster.
    """
    if case is not None:
        from radiogen.imaging.inspect.proof import explain_case

        print("\n".join(explain_case(data, case)))
        print(f"next: {command('inspect_dataset')} --data {shlex.quote(str(data))}")
        return
    from radiogen.core import files
    from radiogen.core.errors import UserError
    from radiogen.evaluation.figures.contact_sheet import Tile, contact_sheets
    from radiogen.imaging.inspect import quality
    from radiogen.imaging.inspect.mask_pictures import mask_pictures
    from radiogen.imaging.inspect.masks import inspect_masks, summarise_masks
    from radiogen.task import ID, read_task

    with files.reading_folder(data):
        place = quality.output_folder(data, output, cache)
        table, pictures = quality.inspect_dataset(data, drawn=cases_drawn, workers=workers, scheduler=scheduler)
        masks = inspect_masks(data, workers=workers, scheduler=scheduler)
        outlined = mask_pictures(data, masks, drawn=cases_drawn, workers=workers)
        changed = quality.output_folder(data, output, cache) != place
    if changed:
        raise UserError(data, "was changed while it was read", "run the same command again")
    print("\n".join(quality.summarise(table, read_task(data).sequences)))
    print("\n".join(summarise_masks(masks)), end="\n" * bool(len(masks)))
    for name, rows in {"quality.csv": table, **({"masks.csv": masks} if len(masks) else {})}.items():
        print(f"table: {files.write_csv(place / name, read_task(data).to_file(rows))}")
    rows = [(table.iloc[number], *(picture or (None, "", ""))) for number, picture in pictures.items()]
    tiles = [Tile(pixels, quality.name_of(row), quality.caption(row), quality.note(row), left, top)
             for row, pixels, left, top in rows]
    name = data.resolve().name
    sheets = contact_sheets(place, tiles, f"{name}: the middle slice of each series; red: findings")
    sheets += contact_sheets(place, [Tile(*each) for each in outlined], f"{name}: the masks' outlines", "mask_sheet")
    print("\n".join(f"picture: {path}" for path in sheets))
    competition = (table["split"] != "").any()
    first = shlex.join(["--data", str(data), "--case", str(table[ID][0])])
    print(f"next: {command('preprocess')} --data {shlex.quote(str(data))}" if competition else
          f"next: {command('inspect_dataset')} {first}")
