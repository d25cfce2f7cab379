"""A list of rules, ready to be asked: filters parsed, templates read, actions built."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from core.capture.records import ConnectionRecord, Mode
from core.errors import FilterError
from core.protocol.headers import quoted
from core.protocol.state import Role
from core.query.expressions import Expression, all_of
from core.rules.action import MOST_SECONDS, Act, ActionKinds, HandshakeAct
from core.rules.conditions import groups_of, has_time_of_day, refusal, terms
from core.rules.docket import SharedDockets
from core.rules.faults import ParameterError, RuleError, RulePlace
from core.rules.hearing import Hearing
from core.rules.hits import HitCounts
from core.rules.moment import Moment
from core.rules.pattern_risk import TAKES_FOREVER, may_take_forever
from core.rules.ready import ReadyRule
from core.rules.rule import ActionText, Condition, Rule
from core.rules.template import TemplateLanguage

if TYPE_CHECKING:
    from core.query.language import FilterLanguage

MOST_RULES = 1000
MOST_ACTIONS = 50
"""Actions of one rule."""
SHORTEST_SECONDS = 0.01
"""The shortest time between two times of a timer."""
_HANDSHAKES = frozenset({Moment.REQUEST, Moment.RESPONSE})
_FRAMES = frozenset({Moment.MESSAGE, Moment.FRAME})


class RuleBook:
    """Rules that are on, in order. It never changes; counts are kept elsewhere."""

    def __init__(self, rules: Sequence[ReadyRule], hits: HitCounts) -> None:
        # What must not be recorded is settled before another rule drops or changes it.
        ordered = sorted((each for each in rules if each.rule.is_on), key=lambda each: not each.only_redacts)
        self.by_moment: dict[Moment, tuple[ReadyRule, ...]] = {
            moment: tuple(each for each in ordered if each.rule.when.moment is moment) for moment in Moment
        }
        self.hits = hits
        self._shared = SharedDockets()
        self._names = {each.rule.id: each.rule.name for each in rules}

    def names(self, hits: Iterable[int]) -> tuple[str, ...]:
        """Names of the rules that a verdict says have applied."""
        return tuple(self._names[rule] for rule in hits if rule in self._names)

    @property
    def is_empty(self) -> bool:
        """Whether no rule can ever apply."""
        return not any(self.by_moment.values())

    def hearing(
        self,
        about: ConnectionRecord,
        *,
        before: Hearing | None = None,
        dice: random.Random | None = None,
    ) -> Hearing:
        """What the rules are for one connection; see `core.rules.subjects.live_connection`.

        `before`: the hearing of an earlier book, whose counts and sequences go on for rules with the same id.
        """
        return Hearing(
            self.by_moment,
            self.hits,
            about,
            sides_of(about.mode),
            before,
            dice or random.Random(),
            self._shared,
        )


def sides_of(mode: Mode) -> tuple[Role, ...]:
    """Sides that something can be sent to."""
    match mode:
        case Mode.LISTEN:
            return (Role.CLIENT,)
        case Mode.CONNECT:
            return (Role.SERVER,)
    return (Role.CLIENT, Role.SERVER)


class RuleCompiler:
    """Makes rules ready. Belongs to one thread, since the filter language does; what it makes does not."""

    def __init__(self, language: FilterLanguage, actions: ActionKinds | None = None) -> None:
        self._language = language
        # Imported late, as all that reads paths of JSON: loading takes a tenth of a second.
        from core.rules.actions.registry import default_actions

        self.actions = default_actions() if actions is None else actions
        self.templates = TemplateLanguage(language)
        self._known: dict[Rule, ReadyRule] = {}
        """The rules of the last book: most of the next one are the same."""

    def book(self, rules: Sequence[Rule], hits: HitCounts | None = None) -> RuleBook:
        """All rules, those that are off included, are checked. Raises RuleError for the first that is wrong."""
        if len(rules) > MOST_RULES:
            place = RulePlace("rules")
            raise RuleError(
                f"There are {len(rules):,} rules; at most {MOST_RULES:,} are kept.", MOST_RULES, place
            )
        names = {each.name for each in rules}
        ready = [self._known.get(rule) or self._ready(index, rule) for index, rule in enumerate(rules)]
        for index, rule in enumerate(rules):
            _check_after(index, rule.when, names)
        self._known = dict(zip(rules, ready, strict=True))
        return RuleBook(ready, HitCounts() if hits is None else hits)

    def check(self, rule: Rule, names: Sequence[str] = ()) -> None:
        """Raises RuleError if the rule is wrong; `names` are those of all rules of its list."""
        self._ready(0, rule)
        _check_after(0, rule.when, {*names, rule.name})

    def _ready(self, index: int, rule: Rule) -> ReadyRule:
        when = rule.when
        expression = self._condition(index, when)
        if not rule.then:
            raise RuleError("The rule does nothing: it needs at least one action.", index, RulePlace("then"))
        if len(rule.then) > MOST_ACTIONS:
            raise RuleError(f"A rule has at most {MOST_ACTIONS} actions.", index, RulePlace("then"))
        if when.moment in _HANDSHAKES:
            acts = tuple(
                self._handshake_act(index, at, each, when.moment) for at, each in enumerate(rule.then)
            )
            return ReadyRule(rule, expression, groups_of(expression), handshake_acts=acts)
        built = [self._act(index, at, each, when.moment) for at, each in enumerate(rule.then)]
        if len(built) == 1 and built[0][1]:
            # An action that changes nothing without such a payload makes that part of the condition.
            expression = self._with(expression, built[0][1])
        return ReadyRule(
            rule, expression, groups_of(expression), tuple(act for act, _ in built),
            only_redacts=all(each.name == "redact" for each in rule.then),
            is_echo=is_echo(rule),
        )  # fmt: skip

    def _with(self, expression: Expression | None, implied: str) -> Expression | None:
        try:
            more = self._language.parse(implied)
        except FilterError:
            # It is too long for a filter; then the action finds nothing by itself.
            return expression
        return more if expression is None else all_of([expression, more])

    def _condition(self, index: int, when: Condition) -> Expression | None:
        def wrong(part: str, message: str) -> RuleError:
            return RuleError(message, index, RulePlace(part))

        if when.moment is Moment.TIMER and not SHORTEST_SECONDS <= when.every_seconds <= MOST_SECONDS:
            raise wrong("every", "“every” is missing or out of range: a timer needs 10ms to 24h.")
        if when.moment is not Moment.TIMER and when.every_seconds:
            raise wrong("every", "“every” is of a timer only.")
        if when.sender is not None and when.moment not in _FRAMES:
            raise wrong("from", "“from” is of messages and frames only: nobody sends anything else.")
        if when.skip < 0 or (when.most is not None and when.most < 1):
            raise wrong("most", "“skip” is at least 0, and “most” at least 1.")
        if not 0 < when.percent <= 100:
            raise wrong("percent", "“percent” is more than 0 and at most 100.")
        return self._expression(index, when)

    def _expression(self, index: int, when: Condition) -> Expression | None:
        text = when.filter
        if not text.strip():
            return None
        try:
            expression = self._language.parse(text)
            self._check_fields(expression, when)
        except FilterError as error:
            message = f"The filter cannot be used, character {error.start + 1}: {error}"
            raise RuleError(message, index, RulePlace("filter"), error) from None
        return expression

    def _check_fields(self, expression: Expression, when: Condition) -> None:
        """Raises FilterError where a field can't be had at the moment."""
        refuse, text = refusal(when.moment), when.filter
        for term in terms(expression):
            message = refuse(term.field)
            if message is None and has_time_of_day(term):
                message = "A time of day means nothing here: write a date and a time."
            if message is None and term.operator.name == "matches" and may_take_forever(str(term.operand)):
                message = f"This pattern {TAKES_FOREVER}"
            if message is not None:
                names = (term.field.name, *term.field.aliases)
                tokens = self._language.tokens(text) or ()
                spans = [
                    (token.start_pos or 0, token.end_pos or 0)
                    for token in tokens
                    if str(token).lower() in names
                ]
                raise FilterError(message, text, *(spans[0] if spans else (0, len(text))))

    def _act(self, index: int, at: int, text: ActionText, moment: Moment) -> tuple[Act, str]:
        """The action, and the filter that it implies."""
        try:
            kind = self.actions.event(text.name, moment)
            given = kind.given(text.parameters, self.templates, refusal(moment))
            act = kind.build(given)
            return act, "" if kind.implied is None else kind.implied(given)
        except ParameterError as error:
            raise _wrong_action(index, at, error) from None

    def _handshake_act(self, index: int, at: int, text: ActionText, moment: Moment) -> HandshakeAct:
        try:
            kind = self.actions.handshake(text.name, moment)
            return kind.build(kind.given(text.parameters, self.templates, refusal(moment)))
        except ParameterError as error:
            raise _wrong_action(index, at, error) from None


def _check_after(index: int, when: Condition, names: set[str]) -> None:
    if when.after and when.after not in names:
        message = f"“after” names no rule of this list: {quoted(when.after)}."
        raise RuleError(message, index, RulePlace("after"))


def _wrong_action(index: int, at: int, error: ParameterError) -> RuleError:
    return RuleError(str(error), index, RulePlace(error.part, at), error.inner)


def is_echo(rule: Rule) -> bool:
    """Whether the rule sends each message back as it is, whatever its filter."""
    when = rule.when
    if (
        when.moment is not Moment.MESSAGE
        or when.after
        or when.skip
        or when.most is not None
        or when.percent < 100
    ):
        return False
    if len(rule.then) != 1 or rule.then[0].name != "reply":
        return False
    return dict(rule.then[0].parameters) in ({"payload": "{payload}"}, {"payload": "{payload}", "as": "same"})
