from __future__ import annotations

from pathlib import Path

import pytest

from app.logic.rule_files import load_rules, save_rules
from core.errors import EnvironmentFailure
from core.query.language import default_language
from core.rules.book import RuleCompiler
from core.rules.faults import RuleFileError
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule


@pytest.fixture(scope="module")
def compiler() -> RuleCompiler:
    return RuleCompiler(default_language())


def test_what_is_written_is_read_again(tmp_path: Path, compiler: RuleCompiler) -> None:
    rules = (
        Rule(1, "a", Condition(Moment.MESSAGE, "hello"), (ActionText("drop"),)),
        Rule(2, "b", Condition(Moment.OPEN), (ActionText("send", (("payload", "{uuid}"),)),), False),
    )
    path = tmp_path / "rules.json"
    path.write_text("before")
    save_rules(path, rules)
    assert load_rules(path, compiler).rules == rules
    assert [each.name for each in tmp_path.iterdir()] == ["rules.json"]


def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, compiler: RuleCompiler) -> None:
    path = tmp_path / "rules.json"
    path.write_text(
        '{"version": 1,\n "rules": [\n  {"name": "a", "when": {"moment": "message"}, "then": [{"do": "drp"}]}\n]}'
    )
    with pytest.raises(RuleFileError, match=r"rules\.json: Line 3.*drp") as refused:
        load_rules(path, compiler)
    assert refused.value.line == 3
    path.write_bytes(b'{"version": 1,\n "title": "\xff"}')
    with pytest.raises(RuleFileError, match="line 2: this is no UTF-8"):
        load_rules(path, compiler)


def test_a_file_that_is_not_there_is_told(tmp_path: Path, compiler: RuleCompiler) -> None:
    with pytest.raises(EnvironmentFailure, match="No such file"):
        load_rules(tmp_path / "none.json", compiler)
    with pytest.raises(EnvironmentFailure):
        load_rules(tmp_path, compiler)
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        save_rules(tmp_path / "none" / "rules.json", ())


def test_half_a_character_is_written_as_json_names_it(tmp_path: Path, compiler: RuleCompiler) -> None:
    path = tmp_path / "rules.json"
    path.write_text(
        r'{"version": 1, "rules": [{"name": "\ud800", "when": {"moment": "message"}, "then": [{"do": "drop"}]}]}'
    )
    rules = load_rules(path, compiler).rules
    save_rules(path, rules)
    assert load_rules(path, compiler).rules == rules
    assert r'"\ud800"' in path.read_text()


def test_what_cannot_be_replaced_leaves_no_part_behind(tmp_path: Path) -> None:
    (tmp_path / "rules.json").mkdir()
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        save_rules(tmp_path / "rules.json", ())
    assert [each.name for each in tmp_path.iterdir()] == ["rules.json"]
    with pytest.raises(EnvironmentFailure, match="cannot be written"):
        save_rules(tmp_path / "a\0b.json", ())
