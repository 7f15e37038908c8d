"""The data set comes whole, once; the same command again gets what is missing and asks Kaggle for nothing else."""

import io
import shutil
import zipfile

import pandas as pd
import pytest

from benchmarks.synthetic.kaggle_server import COMPETITION, SIGNATURE, TOKEN, zip_of
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle import archive, download
from radiogen.kaggle.archive import Member
from radiogen.kaggle.download import _fetch_files, download_all, download_subset, list_folder
from radiogen.task import RSNA_MICCAI


@pytest.fixture
def kaggle(stand_in):
    """Six training cases, 00109 among them, and two test cases of three files a series."""
    labels = {"00000": 1, "00002": 1, "00003": 0, "00109": 0, "00110": 0, "00111": 1}
    for split, cases in (("train", labels), ("test", ["00001", "00013"])):
        for case in cases:
            for sequence in RSNA_MICCAI.sequences:
                for number in (1, 2, 10):
                    name = f"{split}/{case}/{sequence}/Image-{number}.dcm"
                    stand_in.data[name] = name.encode() * 30
    stand_in.data["train_labels.csv"] = ("BraTS21ID,MGMT_value\n" + "".join(
        f"{case},{label}\n" for case, label in labels.items())).encode()
    stand_in.data["sample_submission.csv"] = b"BraTS21ID,MGMT_value\n00001,0.5\n00013,0.5\n"
    return stand_in


@pytest.fixture
def data(tmp_path):
    return tmp_path / "input" / COMPETITION


@pytest.fixture
def get(kaggle, client, data):
    """Download all; the client is handed over only when it is asked for."""
    return lambda **options: download_all(data, login=lambda: client, pause=lambda _: None, **options)


def _written(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")}


def _no_login():
    pytest.fail("Kaggle is asked")


def test_the_archive_becomes_the_data_set(kaggle, get, data):
    get()
    assert _written(data) == kaggle.data
    assert kaggle.names() == ["GetCompetitionDataFilesSummary", "DownloadDataFiles"]
    assert data.with_name(f"{COMPETITION}.zip").is_file()


def test_the_same_command_again_asks_kaggle_for_nothing_even_without_the_archive(get, data):
    get(delete_archive=True)
    assert not data.with_name(f"{COMPETITION}.zip").exists()
    download_all(data, login=_no_login)


def test_what_a_kill_left_between_the_archive_s_name_and_the_end_of_its_download_goes(get, data):
    get()
    marker = data.with_name(f"{COMPETITION}.zip.partial.json")
    marker.write_text("{}")
    (data / ".files.csv").unlink()
    get()
    assert not marker.exists()


def test_what_was_lost_comes_back_from_the_archive_without_kaggle(kaggle, get, data):
    get()
    shutil.rmtree(data / "train" / "00002")
    download_all(data, login=_no_login)
    assert _written(data) == kaggle.data


def test_without_the_archive_only_the_lost_files_are_fetched(kaggle, get, data):
    get(delete_archive=True)
    kaggle.asked.clear()
    (data / "train/00002/T2w/Image-1.dcm").unlink()
    (data / "train/00003/T2w/Image-2.dcm").write_bytes(b"half")
    get()
    assert sorted(body["fileName"] for _, body in kaggle.asked) == [
        "train/00002/T2w/Image-1.dcm", "train/00003/T2w/Image-2.dcm"]
    assert _written(data) == kaggle.data


@pytest.mark.parametrize("moment", ["before its files are listed", "before a file is fetched"])
def test_a_data_set_that_is_moved_while_it_is_fetched_is_not_begun_anew_in_its_place(kaggle, get, client, data, moment,
                                                                                      monkeypatch):
    get(delete_archive=True)
    (data / "test" / "00001" / "FLAIR" / "Image-2.dcm").unlink()

    def move():
        data.rename(data.with_name("moved"))

    def missing_after_move(members, folder):
        move()
        return archive.missing(members, folder)

    if moment == "before its files are listed":
        monkeypatch.setattr(download, "missing", missing_after_move)
    with pytest.raises(UserError, match="was moved while it was downloaded; .* --data"):
        download_all(data, login=lambda: (move(), client)[1], pause=lambda _: None)
    assert not data.exists()


def test_a_data_set_that_loses_files_while_it_is_fetched_is_not_called_complete(kaggle, get, client, data):
    get(delete_archive=True)
    (data / "test" / "00001" / "FLAIR" / "Image-2.dcm").unlink()

    def login():
        shutil.rmtree(data / "train")
        return client

    with pytest.raises(UserError, match="lacks .* files .* moved or changed meanwhile; .* --data"):
        download_all(data, login=login, pause=lambda _: None)


@pytest.mark.parametrize("name", ["train_labels.csv", "train/00002/T2w/Image-1.dcm"])
def test_a_file_of_the_users_in_the_place_of_one_of_kaggles_is_not_replaced(get, data, name):
    mine = files.write_text(data / name, "mine")
    with pytest.raises(UserError, match="is in the way and is not the file that Kaggle lists; move it away"):
        get()
    assert mine.read_text() == "mine"


def test_labels_that_were_edited_after_the_download_are_not_replaced(get, data):
    get()
    labels = files.write_text(data / "train_labels.csv", "BraTS21ID,MGMT_value\n00002,1\n")
    with pytest.raises(UserError, match="train_labels.csv: is in the way"):
        get()
    assert labels.read_text() == "BraTS21ID,MGMT_value\n00002,1\n"


def test_a_subset_does_not_replace_the_labels_of_another_data_set(kaggle, client, data):
    labels = files.write_text(data / "train_labels.csv", "BraTS21ID,MGMT_value\n00002,1\n")
    with pytest.raises(UserError, match="train_labels.csv: was not written by radiogen or was changed since"):
        download_subset(data, 2, login=lambda: client)
    assert labels.read_text() == "BraTS21ID,MGMT_value\n00002,1\n"


def test_the_whole_takes_the_place_of_a_subset(kaggle, client, get, data):
    download_subset(data, 2, login=lambda: client)
    get()
    assert _written(data) == kaggle.data


def test_an_interrupted_unpacking_goes_on(kaggle, get, data, monkeypatch):
    from radiogen.kaggle import archive

    fill, folders = archive._fill, []

    def stop_at_the_fourth(folder, **given):
        folders.append(folder)
        if len(folders) == 4:
            raise KeyboardInterrupt
        fill(folder, **given)

    monkeypatch.setattr(archive, "_fill", stop_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        get()
    monkeypatch.setattr(archive, "_fill", lambda folder, **given: (folders.append(folder), fill(folder, **given)))
    download_all(data, login=_no_login)
    assert _written(data) == kaggle.data
    assert len(folders) == 4 + 8 * 4 - 3


def test_a_file_damaged_in_the_archive_is_fetched_by_itself(kaggle, get, data, capsys):
    name = "train/00003/T1w/Image-2.dcm"
    content = bytearray(zip_of(kaggle.data))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.getinfo(name).header_offset + 30 + len(name)
    content[start + 5] ^= 0xff
    kaggle.archive = bytes(content)
    get()
    assert f"1 files are damaged, the first of them {name}" in capsys.readouterr().out
    assert _written(data) == kaggle.data and kaggle.names()[-1] == "DownloadDataFile"


def test_an_archive_damaged_all_over_is_reported_by_its_first_file(kaggle, get, monkeypatch):
    from radiogen.kaggle import download

    monkeypatch.setattr(download, "SINGLE_FILES", 0)
    monkeypatch.setattr(download, "extract", lambda archive, data, wanted: wanted)
    with pytest.raises(UserError, match=r"\.zip: is damaged: 98 of its files, the first of them train/00000/FLAIR"):
        get()


def test_an_archive_that_would_write_elsewhere_leaves_nothing(kaggle, get, data, tmp_path):
    kaggle.archive = zip_of({"train_labels.csv": b"x", "../evil": b"x"})
    with pytest.raises(UserError, match="'../evil' leads out of the folder"):
        get()
    assert _written(data) == {} and not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(("status", "said"), [(401, "refuses your token"), (403, "accept the rules and join")])
def test_a_download_that_kaggle_refuses_leaves_no_archive(kaggle, get, data, status, said):
    kaggle.faults["DownloadDataFiles"] = [status]
    with pytest.raises(UserError, match=said):
        get()
    assert not list(data.parent.glob("*.zip*"))


def test_an_unknown_competition_is_reported_by_its_name(client, data):
    with pytest.raises(UserError, match=r"rsna-mgmt: Kaggle does not know it \(404"):
        download_all(data, competition="rsna-mgmt", login=lambda: client)


def test_without_a_token_nothing_is_made(data):
    def login():
        raise UserError("Kaggle token", "there is none", "make one")

    for attempt in (download_all, lambda *given, **options: download_subset(*given, 4, **options)):
        with pytest.raises(UserError, match="there is none"):
            attempt(data, login=login)
    assert not data.parent.exists()


def test_a_subset_has_half_of_each_label_its_own_tables_and_no_case_known_to_be_bad(kaggle, client, data):
    download_subset(data, 4, login=lambda: client)
    assert {path.name for path in (data / "train").iterdir()} == {"00000", "00002", "00003", "00110"}
    assert {path.name for path in (data / "test").iterdir()} == {"00001"}
    assert (data / "train_labels.csv").read_text() == "BraTS21ID,MGMT_value\n00000,1\n00002,1\n00003,0\n00110,0\n"
    assert pd.read_csv(data / "sample_submission.csv", dtype=str)["BraTS21ID"].tolist() == ["00001"]
    assert all(kaggle.data[name] == content for name, content in _written(data).items() if name.endswith(".dcm"))
    assert len(list(data.rglob("*.dcm"))) == 5 * 4 * 3
    assert "DownloadDataFiles" not in kaggle.names()


def test_a_subset_fetches_only_what_is_missing_and_grows(kaggle, client, data):
    download_subset(data, 2, login=lambda: client)
    (data / "train/00000/T1w/Image-2.dcm").unlink()
    kaggle.asked.clear()
    download_subset(data, 2, login=lambda: client)
    assert [body["fileName"] for name, body in kaggle.asked if name == "DownloadDataFile"] == [
        "train/00000/T1w/Image-2.dcm"]
    download_subset(data, 5, login=lambda: client)
    assert {path.name for path in (data / "train").iterdir()} == {"00000", "00002", "00003", "00110", "00111"}


def test_one_case_is_no_subset(client, data):
    with pytest.raises(UserError, match="--subset: is 1; give at least 2"):
        download_subset(data, 1, login=lambda: client)


def test_a_long_folder_is_listed_page_by_page(kaggle, client):
    _, members = list_folder(client, COMPETITION, "train/00000/T1w")
    assert [member.name.rsplit("/", 1)[-1] for member in members] == ["Image-1.dcm", "Image-10.dcm", "Image-2.dcm"]
    assert all(member.size == len(kaggle.data[member.name]) for member in members)


def test_a_listed_name_that_leads_elsewhere_is_refused(kaggle, client):
    kaggle.paths["ListDataTreeFiles"] = lambda body: {"files": [{"name": ".."}]}
    with pytest.raises(UserError, match="leads out of the folder"):
        list_folder(client, COMPETITION, "train/00000")


def test_single_files_survive_429_500_and_a_cut_line(kaggle, client, tmp_path):
    kaggle.faults = {"DownloadDataFile": [429, 500], "storage": [("cut", 20)]}
    name = "train/00000/T1w/Image-1.dcm"
    _fetch_files(client, COMPETITION, [Member(name)], tmp_path, pause=lambda _: None)
    assert (tmp_path / name).read_bytes() == kaggle.data[name]


def test_a_file_that_kaggle_wraps_into_a_zip_is_unwrapped(kaggle, client, tmp_path):
    kaggle.wrapped = ("train_labels.csv",)
    _fetch_files(client, COMPETITION, [Member("train_labels.csv")], tmp_path)
    assert (tmp_path / "train_labels.csv").read_bytes() == kaggle.data["train_labels.csv"]


@pytest.mark.parametrize("member", [Member("train_labels.csv", 5), Member("train_labels.csv", None, 7)])
def test_a_file_of_another_size_or_checksum_is_not_written(kaggle, client, tmp_path, member):
    with pytest.raises(UserError, match=r"train_labels\.csv: came with .* is not the file that Kaggle lists"):
        _fetch_files(client, COMPETITION, [member], tmp_path)
    assert not (tmp_path / "train_labels.csv").exists()


def test_the_command_counts_what_came_and_names_the_next(kaggle, command, data):
    end = command("download")
    assert end.returncode == 0, end.stderr
    assert end.stdout.splitlines()[1:] == [
        "train: 6 cases, 24 series, 72 files (warning: the competition has 585 cases, 2340 series, 348641 files)",
        "test: 2 cases, 8 series, 24 files (warning: the competition has 87 cases, 348 series)",
        f"data set: input/{COMPETITION}", f"next: python scripts/inspect_dataset.py --data input/{COMPETITION}"]


def test_the_command_shows_neither_token_nor_signature_even_where_it_should_be_verbose(kaggle, command, tmp_path):
    kaggle.faults = {"DownloadDataFiles": [(429, {"Retry-After": "1"})]}
    end = command("download", "--subset", "2", VERBOSE="1")
    assert end.returncode == 0, end.stderr
    end = command("download", VERBOSE="1")
    assert "trying again in 1 s" in end.stdout
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode("latin-1")
    for secret in (TOKEN, SIGNATURE):
        assert secret not in end.stdout + end.stderr + left


def test_the_command_without_a_token_ends_with_one_line_and_code_2(command, tmp_path):
    end = command("download", KAGGLE_API_TOKEN="")
    assert end.returncode == 2 and end.stdout == ""
    assert end.stderr.startswith("error: Kaggle token: there is none") and end.stderr.count("\n") == 1
