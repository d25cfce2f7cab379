from __future__ import annotations

import re
import shlex
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.logic.shell_words import split_cmd, split_line, split_posix
from core.errors import AddressError

WORD = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
WINDOWS_WORD = st.text(st.characters(exclude_characters="\0\r\\", codec="utf-8"), max_size=20)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  a  'b c'\td ", ["a", "b c", "d"]),
        ("a \\\n  -b", ["a", "-b"]),
        ("a \\\r\n  -b", ["a", "-b"]),
        ("''", [""]),
        ("a'b'\"c\"d", ["abcd"]),
        (r'"a\"b\\c\d $x"', ['a"b\\c\\d $x']),
        ('"a\\\nb"', ["ab"]),
        (r"a\ b\'c", ["a b'c"]),
        (r"$'it\'s\x21 \u0021\n\101\\ \q'", ["it's! !\nA\\ \\q"]),
        (r"$'\ud83c\udf89'", ["🎉"]),
        ("a$b $ c", ["a$b", "$", "c"]),
    ],
)
def test_words_of_a_posix_shell(line: str, words: list[str]) -> None:
    assert split_posix(line) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('curl "a b" c', ["curl", "a b", "c"]),
        ('curl ^"a b^" ^\n  -H ^"x: y^"', ["curl", "a b", "-H", "x: y"]),
        ('curl ^"a b^" ^\r\n  -H ^"x: y^"', ["curl", "a b", "-H", "x: y"]),
        ('^"say ^\\^"hi^\\^"^"', ['say "hi"']),
        ('^"100^%^25^"', ["100%25"]),
        ('^"a^&b^|c^<d^>^"', ["a&b|c<d>"]),
        ('^"line^\n\nnext^"', ["line\nnext"]),
        (r'"a\\" "b\\\"c" d\e', ["a\\", 'b\\"c', "d\\e"]),
        ('"a""b"', ['a"b']),
        ('"a^b"', ["a^b"]),
    ],
)
def test_words_of_windows(line: str, words: list[str]) -> None:
    assert split_cmd(line) == words


@given(st.lists(WORD, min_size=1, max_size=5))
def test_what_is_quoted_for_a_posix_shell_comes_back(words: list[str]) -> None:
    assert split_posix(shlex.join(words)) == words


def chrome_posix(text: str) -> str:
    """How Chrome quotes a word for bash."""
    if re.search(r"[\0-\x1F\x7F-\x9F!]|'", text):
        text = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
        return "$'" + re.sub(r"[\0-\x1F\x7F-\x9F!]", lambda found: f"\\u{ord(found[0]):04x}", text) + "'"
    return f"'{text}'"


def chrome_cmd(text: str) -> str:
    """How Chrome quotes a word for cmd.exe."""
    text = text.replace('"', '\\"')
    text = re.sub(r"[^a-zA-Z0-9\s_\-:=+~'/.',?;()*`]", lambda found: f"^{found[0]}", text)
    text = re.sub(r"%(?=[a-zA-Z0-9_])", "%^", text)
    return '^"' + re.sub(r"\r?\n", "^\n\n", text) + '^"'


@given(st.lists(WORD, min_size=1, max_size=5))
def test_what_chrome_quotes_for_bash_comes_back(words: list[str]) -> None:
    assert split_posix(" \\\n  ".join(map(chrome_posix, words))) == words


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0\r\\", codec="utf-8"), max_size=20),
        min_size=1,
    )
)
def test_what_chrome_quotes_for_windows_comes_back(words: list[str]) -> None:
    assert split_line(" ^\n  ".join(map(chrome_cmd, words))) == words


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(st.sampled_from("a\\'\"$x! \n\x01é"), max_size=8), min_size=1, max_size=4))
def test_bash_takes_the_same_words(words: list[str]) -> None:
    line = " ".join(map(chrome_posix, words))
    ran = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert split_posix(line) == ran.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("line", ["'a", '"a', "$'a", "$'a\\'", '^"a'])
def test_a_quote_that_is_never_closed_is_told(line: str) -> None:
    with pytest.raises(AddressError, match="never closed"):
        split_line(line)


def test_a_line_has_a_limit() -> None:
    with pytest.raises(AddressError, match="at most"):
        split_line("a" * 2_000_000)


def test_carets_in_single_quotes_do_not_make_it_a_line_of_cmd() -> None:
    assert split_line("""curl 'http://a/?^"' -H 'X: ^"b'""") == ["curl", 'http://a/?^"', "-H", 'X: ^"b']
