"""The rules of the window: an ordered list that is checked, remembered and changed. No Qt here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from app.logic.rule_drafts import is_holding, without_heartbeats
from app.logic.rule_lines import RuleLine
from core.errors import CallerError
from core.rules.book import MOST_RULES, RuleBook, RuleCompiler, is_echo
from core.rules.faults import RuleError
from core.rules.hits import HitCounts
from core.rules.moment import Moment
from core.rules.preview import alone
from core.rules.rule import ActionText, Condition, Rule

ECHO_NAME = "Echo"
_ECHOED = "mode in {listen, connect}"
"""Where peers talk to each other, nobody expects an echo."""
_ECHO = (ActionText("reply", (("payload", "{payload}"),)),)


class KnownRules:
    """What is not right is kept, and told, but never switched on. Belongs to one thread."""

    def __init__(self, compiler: Callable[[], RuleCompiler]) -> None:
        """`compiler` is asked for when it is first needed, because it takes a while to make."""
        self._compiler = compiler
        self._rules: tuple[Rule, ...] = ()
        self._problems: dict[Rule, str] = {}
        """What is wrong with each rule; "" if nothing is."""
        self._left_out: dict[int, str] = {}
        """Why rules are not in the book although they are on, by id."""
        self._counted: dict[int, Rule] = {}
        self.hits = HitCounts()

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self._rules

    def set_rules(self, rules: Iterable[Rule]) -> None:
        """These are the rules from now on; names and ids are made unique. Raises CallerError if they are too many."""
        after = _unique(rules)
        if len(after) > MOST_RULES:
            raise CallerError(f"These would be {len(after):,} rules; at most {MOST_RULES:,} are kept.")
        for rule in after:
            if self._counted.get(rule.id, rule).then != rule.then:
                self.hits.forget(rule.id)
        self._counted = {rule.id: rule for rule in after}
        self._rules = after
        # What is wrong with those that follow another one depends on the others.
        kept = {rule for rule in after if not rule.when.after}
        self._problems = {rule: text for rule, text in self._problems.items() if rule in kept}
        self._left_out = {}

    def find(self, rule_id: int) -> Rule | None:
        """The rule with that id; None if there is none."""
        return next((rule for rule in self._rules if rule.id == rule_id), None)

    def fault(self, rule: Rule) -> RuleError | None:
        """What is wrong with a rule, beside those that there are; None if nothing is."""
        try:
            self._compiler().check(rule, [each.name for each in self._rules if each.id != rule.id])
        except RuleError as error:
            return error
        return None

    def lines(self) -> tuple[RuleLine, ...]:
        """Every rule, with its hits and what is wrong with it."""
        return tuple(map(self._line, self._rules))

    def book(self, *, lets_heartbeats_pass: bool) -> RuleBook:
        """The rules that are on and right, ready to be asked."""
        self._left_out = {}
        used = [rule for rule in self._rules if rule.is_on and not self._problem(rule)]
        if lets_heartbeats_pass:
            used = list(map(self._letting_heartbeats_pass, used))
        while True:
            try:
                return self._compiler().book(used, self.hits)
            except RuleError as error:
                # One names a rule that is off, or heartbeats make its filter too long.
                if not 0 <= error.index < len(used):
                    raise
                self._left_out[used[error.index].id] = str(error)
                del used[error.index]

    def alone(self, rule: Rule) -> RuleBook:
        """A book of this rule, to try it. Raises RuleError."""
        return alone(self._compiler(), rule)

    def _letting_heartbeats_pass(self, rule: Rule) -> Rule:
        """The rule with another filter if it may hold heartbeats, unless that would be too long for one."""
        if not (is_holding(rule) and rule.when.moment is Moment.MESSAGE):
            return rule
        wanted = without_heartbeats(rule)
        return wanted if self.fault(wanted) is None else rule

    # The echo.

    @property
    def echo(self) -> Rule | None:
        """The rule that sends every message back; None if there is none."""
        mine = (rule for rule in self._rules if rule.when.filter in ("", _ECHOED) and is_echo(rule))
        return next(mine, None)

    @property
    def is_echoing(self) -> bool:
        return self.echo is not None and self.echo.is_on

    def with_echo(self, *, on: bool) -> tuple[Rule, ...]:
        """The rules with the echo on or off; one is added at the end if there is none yet."""
        echo = self.echo
        if echo is None:
            new = Rule(0, ECHO_NAME, Condition(Moment.MESSAGE, _ECHOED), _ECHO)
            return (*self._rules, new) if on else self._rules
        return with_rule(self._rules, replace(echo, is_on=on))

    # Internals.

    def _line(self, rule: Rule) -> RuleLine:
        hits = self.hits.of(rule.id)
        problem = self._problem(rule)
        if hits is None:
            return RuleLine(rule, problem=problem)
        return RuleLine(rule, hits.count, hits.last_ns, problem)

    def _problem(self, rule: Rule) -> str:
        if rule not in self._problems:
            fault = self.fault(rule)
            self._problems[rule] = "" if fault is None else str(fault)
        return self._problems[rule] or self._left_out.get(rule.id, "")


def with_rule(rules: Sequence[Rule], rule: Rule) -> tuple[Rule, ...]:
    """The rules with this one in place of that with its id, or at the end."""
    if any(each.id == rule.id for each in rules):
        return tuple(rule if each.id == rule.id else each for each in rules)
    return (*rules, rule)


def _unique(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules with an id and a name of its own for each."""
    rules = tuple(rules)
    free = max((rule.id for rule in rules), default=0) + 1
    ids: set[int] = set()
    names: set[str] = set()
    found = []
    for rule in rules:
        number, name = rule.id, rule.name
        if number <= 0 or number in ids:
            number, free = free, free + 1
        at = 2
        while name in names:
            name, at = f"{rule.name} ({at})", at + 1
        ids.add(number)
        names.add(name)
        found.append(rule if (number, name) == (rule.id, rule.name) else replace(rule, id=number, name=name))
    return tuple(found)
