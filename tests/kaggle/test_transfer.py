"""One large file comes whole through whatever the line does, and no byte is fetched twice."""

import json
import random

import pytest

from benchmarks.synthetic.kaggle_server import COMPETITION, SIGNATURE, TOKEN
from radiogen.core.errors import UserError
from radiogen.kaggle.download import download_all
from radiogen.kaggle.transfer import CHUNK, fetch

CONTENT = random.Random(0).randbytes(300_000)


@pytest.fixture
def kaggle(stand_in):
    stand_in.archive = CONTENT
    return stand_in


@pytest.fixture
def get(kaggle, client, tmp_path):
    """Fetch the archive; returns its bytes."""
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

    def ask():
        request = ApiDownloadDataFilesRequest()
        request.competition_name = COMPETITION
        return client.build_kaggle_client().competitions.competition_api_client.download_data_files(request)

    return lambda **options: fetch(ask, tmp_path / "a.zip", "the archive",
                                   **{"pause": lambda _: None, **options}).read_bytes()


def test_a_redirect_to_a_signed_address_is_followed_without_the_token(kaggle, get, tmp_path):
    assert get() == CONTENT
    assert kaggle.keys and set(kaggle.keys) == {None}
    assert [path.name for path in tmp_path.glob("a.zip*")] == ["a.zip"]


def test_a_download_cut_in_the_middle_goes_on_where_it_stopped(kaggle, get):
    kaggle.faults["storage"] = [("cut", 2 * CHUNK), ("cut", CHUNK)]
    assert get() == CONTENT
    assert kaggle.ranged == [None, f"bytes={2 * CHUNK}-", f"bytes={3 * CHUNK}-"]


def test_a_later_process_goes_on_where_an_earlier_one_was_killed(kaggle, get, tmp_path):
    (tmp_path / "a.zip.partial").write_bytes(CONTENT[:200_000])
    (tmp_path / "a.zip.partial.json").write_text(json.dumps({"validator": kaggle.tag, "size": len(CONTENT)}))
    assert get() == CONTENT and kaggle.ranged == ["bytes=200000-"]


def test_a_process_killed_after_the_last_byte_fetches_nothing(kaggle, get, tmp_path):
    (tmp_path / "a.zip.partial").write_bytes(CONTENT)
    (tmp_path / "a.zip.partial.json").write_text(json.dumps({"validator": kaggle.tag, "size": len(CONTENT)}))
    assert get() == CONTENT and kaggle.ranged == []


@pytest.mark.parametrize("marker", [{"validator": '"older"', "size": len(CONTENT)},
                                    {"validator": '"first"', "size": len(CONTENT) + 1}])
def test_half_a_file_of_another_version_is_begun_anew(kaggle, get, tmp_path, marker):
    (tmp_path / "a.zip.partial").write_bytes(b"old" * 1000)
    (tmp_path / "a.zip.partial.json").write_text(json.dumps(marker))
    assert get() == CONTENT


def test_half_a_file_that_another_program_left_stays(get, tmp_path):
    (tmp_path / "a.zip.partial").write_bytes(b"theirs")
    with pytest.raises(UserError, match=r"a\.zip\.partial: was not written by radiogen; move it away"):
        get()
    assert (tmp_path / "a.zip.partial").read_bytes() == b"theirs"


def test_a_file_that_changes_while_it_is_fetched_comes_whole(kaggle, get):
    kaggle.faults["storage"] = [("cut", 2 * CHUNK)]

    def change(_):
        kaggle.archive, kaggle.tag = CONTENT[::-1], '"second"'

    assert get(pause=change) == CONTENT[::-1]


def test_a_server_without_ranges_gives_the_whole_file_again(kaggle, get):
    kaggle.ranges = False
    kaggle.faults["storage"] = [("cut", 2 * CHUNK)]
    assert get() == CONTENT and kaggle.ranged == [None, None]


@pytest.mark.parametrize("fault", [503, 429, (429, {"Retry-After": "7"})])
def test_an_error_in_place_of_the_rest_costs_no_byte_of_what_is_there(kaggle, get, fault):
    kaggle.faults["storage"] = [("cut", 2 * CHUNK), fault]
    pauses = []
    assert get(pause=pauses.append) == CONTENT
    assert kaggle.ranged == [None, f"bytes={2 * CHUNK}-"] and len(pauses) == 2


def test_an_address_that_has_expired_is_asked_for_anew(kaggle, get):
    kaggle.faults["storage"] = [("cut", 2 * CHUNK)]
    get()
    assert kaggle.names() == ["DownloadDataFiles"] * 2


def test_429_and_500_before_the_download_are_waited_out(kaggle, get):
    kaggle.faults["DownloadDataFiles"] = [429, 500, (429, {"Retry-After": "30"})]
    pauses = []
    assert get(pause=pauses.append) == CONTENT and pauses[2] == 30


def test_a_file_shorter_than_kaggle_says_is_no_file(kaggle, get, tmp_path):
    kaggle.faults["storage"] = [("cut", len(CONTENT) + 5)] * 10
    with pytest.raises(UserError, match="the archive: the connection to Kaggle is lost"):
        kaggle.tag = 'W/"weak"'
        get()
    assert not (tmp_path / "a.zip").exists()


def test_a_line_that_stays_broken_is_reported_without_the_address_and_keeps_what_came(kaggle, get, tmp_path, capfd):
    kaggle.faults["storage"] = [("cut", CHUNK + 1000)] + [("cut", 0)] * 10
    with pytest.raises(UserError, match="resumes where it stopped") as error:
        get()
    printed = capfd.readouterr()
    assert SIGNATURE not in str(error.value) + printed.out + printed.err
    assert (tmp_path / "a.zip.partial").read_bytes() == CONTENT[:CHUNK]


def test_a_full_disk_is_reported_and_keeps_what_came(kaggle, get, monkeypatch, tmp_path):
    from radiogen.kaggle import transfer

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer, "_stream", full)
    with pytest.raises(UserError, match=r"a\.zip\.partial: the disk is full; free space"):
        get()


def test_too_little_space_is_reported_before_a_byte_is_written(kaggle, client, tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 30))
    with pytest.raises(UserError, match=r"the archive and its files needs 1\.1 GB and the disk has 1\.1 GB free"):
        download_all(tmp_path / "input" / "all", login=lambda: client, pause=lambda _: None)
    assert not list(tmp_path.rglob("*.partial"))


def test_neither_token_nor_signature_is_in_any_file_that_is_left(kaggle, get, tmp_path):
    kaggle.faults["storage"] = [("cut", CHUNK + 1000)] + [("cut", 0)] * 10
    with pytest.raises(UserError):
        get()
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert TOKEN.encode() not in left and SIGNATURE.encode() not in left
