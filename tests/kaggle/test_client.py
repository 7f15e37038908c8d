"""Logging in is silent; whatever Kaggle or the line does is one line with its remedy, and the token is in none."""

import os
import time

import pytest
import requests

from benchmarks.synthetic.kaggle_server import COMPETITION, TOKEN
from radiogen.core.errors import UserError
from radiogen.kaggle.client import connect, retry, suppress_output, translate_errors
from radiogen.kaggle.download import list_folder


def _answer(status, message="", **headers):
    answer = requests.Response()
    answer.status_code, answer._content = status, f'{{"code": {status}, "message": "{message}"}}'.encode()
    answer.headers.update(headers)
    return answer


def _failing(*answers):
    """A call that raises for each of `answers` (a response or an exception) and then returns 'done'."""
    left = list(answers)

    def call():
        if not left:
            return "done"
        one = left.pop(0)
        raise requests.HTTPError("failed", response=one) if isinstance(one, requests.Response) else one
    return call


def test_the_client_logs_in_without_a_word_and_knows_whose_token_it_is(stand_in, capfd):
    api = connect()
    assert api.get_config_value(api.CONFIG_NAME_USER) == "somebody"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("place", [".kaggle/access_token", "KAGGLE_KEY"])
def test_the_token_is_found_where_the_client_looks_for_it(stand_in, monkeypatch, tmp_path, place):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    if place == "KAGGLE_KEY":
        monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
        monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    else:
        (tmp_path / "home" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "home" / place).write_text(TOKEN + "\n")
    stand_in.data = {"train/00000/T1w/Image-1.dcm": b"x"}
    assert list_folder(connect(), COMPETITION, "train/00000")[0] == ["T1w"]


def test_without_a_token_one_line_says_where_to_make_one(stand_in, monkeypatch, capfd):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    with pytest.raises(UserError, match="there is none on this machine; make one at https://www.kaggle.com/settings"):
        connect()
    assert capfd.readouterr() == ("", "")


def test_a_token_that_kaggle_does_not_know_is_reported_and_not_shown(stand_in, monkeypatch, capfd):
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN[::-1])
    with pytest.raises(UserError, match="the one on this machine is not accepted") as error:
        connect()
    assert TOKEN[::-1] not in str(error.value) and capfd.readouterr() == ("", "")


def test_a_key_without_its_user_is_reported(stand_in, monkeypatch):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    with pytest.raises(UserError, match="KAGGLE_KEY: is set without KAGGLE_USERNAME"):
        connect()


def test_a_verbose_environment_does_not_make_the_client_print_the_token(stand_in, monkeypatch, capfd):
    from kaggle.api.kaggle_api_extended import KaggleApi

    monkeypatch.setattr(KaggleApi, "args", ["--verbose"])
    monkeypatch.setenv("VERBOSE", "1")
    list_folder(connect(), COMPETITION, "train")
    printed = capfd.readouterr()
    assert TOKEN not in printed.out + printed.err and os.environ["VERBOSE"] == "1"


def test_no_setting_of_the_environment_turns_the_client_to_another_server(stand_in, monkeypatch):
    from kaggle.api.kaggle_api_extended import KaggleApi

    monkeypatch.setattr(KaggleApi, "args", ["--local"])
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    connect()
    assert stand_in.asked


@pytest.mark.parametrize(("status", "problem", "remedy"), [
    (401, "refuses your token", "https://www.kaggle.com/settings/api"),
    (403, "does not allow it", f"open https://www.kaggle.com/competitions/{COMPETITION}/rules, accept the rules"),
    (404, "does not know it", "check its name"),
    (400, "answers that it is a bad request", "join on"),
    (429, "limits the number of requests", "wait a quarter of an hour"),
    (500, "has an internal error", "later"),
    (418, "answers 418", "look at the page"),
])
def test_each_refusal_is_one_line_with_what_kaggle_says_and_a_remedy(status, problem, remedy):
    with pytest.raises(UserError) as error, translate_errors("the data"):
        raise requests.HTTPError("failed", response=_answer(status, "Permission was\\ndenied"))
    assert str(error.value).startswith("the data: Kaggle ") and "\n" not in str(error.value)
    assert problem in error.value.problem and f"{status}: Permission was denied" in error.value.problem
    assert remedy in error.value.remedy


def test_a_bare_400_gets_the_remedy_of_who_asked():
    with pytest.raises(UserError, match=r"bad request \(400\); zip it"), translate_errors("the CSV", refused="zip it"):
        raise requests.HTTPError("failed", response=_answer(400))


def test_a_token_that_kaggle_repeats_is_not_repeated_by_us(monkeypatch):
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    with pytest.raises(UserError) as error, translate_errors("the data"):
        raise requests.HTTPError("failed", response=_answer(403, f"the key {TOKEN} may not"))
    assert "the key ... may not" in str(error.value) and TOKEN not in str(error.value)


def test_a_broken_line_does_not_show_the_signed_address():
    with pytest.raises(UserError, match="connection to Kaggle is lost") as error, translate_errors("the data"):
        raise requests.ConnectionError("Max retries exceeded with url: /a.zip?X-Goog-Signature=5ec2e7")
    assert "5ec2e7" not in str(error.value)


def test_429_5xx_and_broken_lines_are_tried_again_with_doubled_pauses(capsys):
    pauses = []
    assert retry(_failing(_answer(429), _answer(503), requests.ConnectionError("x?secret")), "the data",
                 pause=pauses.append) == "done"
    assert pauses[1] == 2 * pauses[0] and pauses[2] == 2 * pauses[1]
    output = capsys.readouterr().out.splitlines()
    assert len(output) == 3 and "Kaggle answers 429; trying again in 2 s" in output[0] and "secret" not in output[2]


def test_as_long_as_kaggle_asks_for_is_waited_but_not_for_ever():
    pauses = []
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    retry(_failing(*[_answer(429, **{"Retry-After": wait}) for wait in ("7", "86400", "soon", date)]), "the data",
          pause=pauses.append)
    assert pauses[:3] == [7, 600, 8] and 50 < pauses[3] <= 60


@pytest.mark.parametrize("answer", [_answer(401), _answer(403), _answer(404), _answer(400)])
def test_what_does_not_pass_by_itself_is_not_tried_again(answer):
    with pytest.raises(UserError):
        retry(_failing(answer), "the data", pause=lambda seconds: pytest.fail("it waits"))


def test_it_gives_up_after_seven_attempts_unless_bytes_came_in_between():
    with pytest.raises(UserError, match="an internal error"):
        retry(_failing(*[_answer(500)] * 7), "the data", pause=lambda _: None)
    came = iter(range(100))
    assert retry(_failing(*[_answer(500)] * 30), "the data", received=lambda: next(came),
                 pause=lambda _: None) == "done"


def test_what_the_client_prints_is_kept_from_the_terminal(capfd):
    with suppress_output() as words:
        print("Starting upload")
    assert words.getvalue() == "Starting upload\n" and capfd.readouterr().out == ""
