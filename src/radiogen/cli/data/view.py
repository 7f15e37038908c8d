"""Look at series in three planes, side by side: one HTML file that any browser opens, with what is odd in them."""

from pathlib import Path
from typing import Annotated

import tyro

from radiogen.cli.given import require


def main(series: Annotated[tuple[Path, ...], tyro.conf.Positional], output: Path | None = None,
         exact: bool = False, open: bool = False) -> None:  # noqa: A002  (an option's name)
    """Look at series in three planes, side by side: one HTML file that any browser opens, with what is odd in them.

    Example: view input/phantom/train/00000 --open

    Args:
        series: Folders of one series each, a case's folder with all of them, or NIfTI files.
        output: The page to write (default: view-NAME.html in the current folder).
        exact: Keep all values: a page above 5 MB gets its volumes beside it at once, not 8 bits first.
        open: Open it in the browser.
    """
    require(series=series)
    from radiogen.core import files
    from radiogen.core.wording import size
    from radiogen.imaging.view.niivue import niivue
    from radiogen.imaging.view.page import Form, facts_text, read_named, write_view

    shown = read_named(series)
    for one in shown:
        print(f"{one.name}: {facts_text(one.volume)}")
        print("\n".join(f"  {finding}" for finding in one.volume.findings), end="\n" * bool(one.volume.findings))
    path, *beside = write_view(output or Path(f"view-{files.name_from(series[0])}.html"), shown, form=Form(exact))
    drawn = "drawn by NiiVue" if niivue() else 'drawn plainly; smoother with NiiVue: pip install "radiogen[view]"'
    print(f"page: {path} ({size(path.stat().st_size)}, {drawn})")
    if beside:
        many = size(sum(one.stat().st_size for one in beside))
        print(f"its volumes: {beside[0].parent} ({many}), which has to stay beside it")
    if open:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    else:
        print(f"next: open {path} in a browser")
