"""Wheels with one empty module, for what only copies or installs them."""

from pathlib import Path


def write_wheel(folder: Path, name: str, version: str, tag: str = "py3-none-any", module: str = "") -> Path:
    """A wheel with one empty module."""
    from zipfile import ZipFile

    folder.mkdir(parents=True, exist_ok=True)
    plain = name.replace("-", "_")
    path, info = folder / f"{plain}-{version}-{tag}.whl", f"{plain}-{version}.dist-info"
    with ZipFile(path, "w") as archive:
        archive.writestr(f"{module or plain}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path
