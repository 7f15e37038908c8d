"""List the packages of Kaggle's image in a session of its own, and keep them for what is pushed later."""

from pathlib import Path

from radiogen.core.wording import command


def main(docker_image: str = "", title: str = "Radiogen image probe", owner: str | None = None,
         output: Path = Path("submissions/probe"), table: Path | None = None) -> None:
    """List the packages of Kaggle's image in a session of its own, and keep them for what is pushed later.

    The kernel is private, has no GPU and no data. Not tried at Kaggle itself: docs/kaggle.md.

    Example: probe-kaggle-image

    Args:
        docker_image: Image to list, as gcr.io/kaggle-gpu-images/python@sha256:... (default: Kaggle's newest).
        title: Title of the kernel at Kaggle.
        owner: Your name at Kaggle (default: that of your token).
        output: Folder for the kernel and its answer.
        table: Table to change (default: the package's own, kaggle_image.csv).
    """
    from radiogen.kaggle.client import connect
    from radiogen.kaggle.kernels.kernel import Names
    from radiogen.kaggle.kernels.probe import probe_image
    from radiogen.kaggle.kernels.push import user_name

    api = connect()
    digest, path = probe_image(api, Names(owner or user_name(api), title), output, docker_image=docker_image,
                               table=table)
    print(f"image: {digest}; its packages are in {path}\nnext: {command('push_kernel')} RUN --dry-run")
