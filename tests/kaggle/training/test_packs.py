"""A folder is one file and a folder again; nothing hidden goes with it, and nothing leads out of it."""

import io
import tarfile

import pytest

from radiogen.core.errors import UserError
from radiogen.kaggle.training.packs import check_pack, pack, unpack


def test_a_folder_comes_out_as_it_went_in_without_locks(tmp_path):
    (tmp_path / "a" / "run" / "fold-0").mkdir(parents=True)
    (tmp_path / "a" / "run" / "fold-0" / "weights").write_bytes(bytes(range(256)) * 50)
    (tmp_path / "a" / "run" / ".lock").write_text("")
    (tmp_path / "a" / "run" / "link").symlink_to("/etc/passwd")
    facts = pack(tmp_path / "a", tmp_path / "a.pack")
    check_pack(tmp_path / "a.pack", facts)
    unpack(tmp_path / "a.pack", tmp_path / "b")
    assert [str(path.relative_to(tmp_path / "b")) for path in (tmp_path / "b").rglob("*") if path.is_file()] == [
        "run/fold-0/weights"]
    assert (tmp_path / "b" / "run" / "fold-0" / "weights").read_bytes() == bytes(range(256)) * 50


def test_a_pack_that_was_changed_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    facts = pack(tmp_path / "a", tmp_path / "a.pack")
    with (tmp_path / "a.pack").open("ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match="not the file that the session wrote"):
        check_pack(tmp_path / "a.pack", facts)


@pytest.mark.parametrize(("name", "kind"), [("../out", tarfile.REGTYPE), ("/tmp/out", tarfile.REGTYPE),
                                            ("link", tarfile.SYMTYPE)])
def test_a_member_that_leads_elsewhere_is_refused(tmp_path, name, kind):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc"
    with tarfile.open(tmp_path / "a.pack", "w") as archive:
        archive.addfile(member, io.BytesIO())
    with pytest.raises(UserError, match="has a member that is no plain file"):
        unpack(tmp_path / "a.pack", tmp_path / "b")
    assert not (tmp_path / "out").exists()
