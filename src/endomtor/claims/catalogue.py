"""`data/claims.toml`: what is claimed, what would follow, and the rule for each, fixed before any data are read."""

import datetime
import os
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from endomtor import paths
from endomtor.errors import ClaimsError

KINDS = ("prediction", "premise", "context")
ROLES = ("primary", "descriptive")
RULES = ("difference", "phi")
DIRECTIONS = ("greater", "less", "either")


@dataclass(frozen=True)
class Rule:
    """How one piece of evidence is judged.

    Attributes
    ----------
    id : str
        For example `C3.marrow.HSC`.
    kind, role, rule, direction : str
        One of `KINDS`, `ROLES`, `RULES`, `DIRECTIONS`.
    statement, estimand, unit : str
        As printed.
    smallest : float
        Smallest effect of interest, positive, on the scale of the estimand.
    where_given : bool
        Of a primary prediction: it counts among the primaries only where it could be tested, so that a data set without
        its table is judged as if the claim did not list it.
    """

    id: str
    claim: str
    kind: str
    role: str
    rule: str
    statement: str
    estimand: str
    direction: str
    smallest: float
    unit: str
    where_given: bool


@dataclass(frozen=True)
class Claim:
    """One claim of the paper; `needed` is the number of primary predictions that must hold.

    Where the primaries are `interchangeable`, read-outs of one thing, only those that were measured count. Where they
    are asked `apart`, as the ages of mice are, each of these names ends the ids of its own primaries, and one part that
    holds is enough.
    `abstract` says where the paper's abstract has it, `contradiction` what would contradict it, `rivals` what else
    could explain the same findings.
    """

    id: str
    title: str
    text: str
    abstract: str
    contradiction: str
    chapter: str
    needed: int
    interchangeable: bool
    apart: tuple[str, ...]
    caution: str
    rivals: tuple[str, ...]
    evidence: tuple[Rule, ...]

    @property
    def primaries(self) -> tuple[Rule, ...]:
        """The predictions from which the verdict on the claim is made."""
        return tuple(rule for rule in self.evidence if rule.kind == "prediction" and rule.role == "primary")

    @property
    def parts(self) -> dict[str, tuple[Rule, ...]]:
        """The primaries of each part of the claim by its name; of a claim that is asked as a whole by ""."""
        if not self.apart:
            return {"": self.primaries}
        return {name: tuple(one for one in self.primaries if one.id.endswith(f".{name}")) for name in self.apart}


@dataclass(frozen=True)
class Catalogue:
    """All claims, with the version and date of their rules."""

    version: int
    date: datetime.date
    claims: tuple[Claim, ...]

    def claim(self, claim_id: str) -> Claim:
        """Return the claim of that id; `ClaimsError` when there is none."""
        for claim in self.claims:
            if claim.id == claim_id:
                return claim
        raise ClaimsError(f"claims.toml has no claim {claim_id!r}, only {', '.join(c.id for c in self.claims)}")

    def rule(self, evidence_id: str) -> Rule:
        """Return the rule of one piece of evidence; the rule of its family (`…*`) when it is not named itself.

        Raises
        ------
        ClaimsError
            No rule covers the id.
        """
        if evidence_id not in self._rules:
            self._rules[evidence_id] = self._of_family(evidence_id)
        return self._rules[evidence_id]

    @cached_property
    def _rules(self) -> dict[str, Rule]:
        return {rule.id: rule for claim in self.claims for rule in claim.evidence}

    def _of_family(self, evidence_id: str) -> Rule:
        claim = self.claim(evidence_id.split(".")[0])
        families = [rule for rule in claim.evidence if rule.id[-1] == "*" and evidence_id.startswith(rule.id[:-1])]
        if not families:
            raise ClaimsError(f"claims.toml has no rule for evidence {evidence_id!r}")
        # The most specific family speaks for the endpoint.
        rule = max(families, key=lambda family: len(family.id))
        name = evidence_id[len(rule.id) - 1 :].replace("_", " ").replace(".", ", ")
        named = {"statement": rule.statement.format(name=name), "estimand": rule.estimand.format(name=name)}
        return Rule(**{**rule.__dict__, "id": evidence_id, **named})


def read(path: Path) -> Catalogue:
    """Read and validate a claims file.

    Raises
    ------
    ClaimsError
        The file is not TOML, a key is missing or unknown, a word is not one of the allowed ones, an id is doubled.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    # tomllib recurses into nested brackets.
    except (OSError, ValueError, RecursionError) as error:
        raise ClaimsError(f"{path}: cannot be read as TOML ({error})") from error
    _expect_keys(content, {"version", "date", "claims"}, f"{path}")
    for key, kind in (("version", int), ("date", datetime.date)):
        _expect_value(content[key], kind, f"{path}: {key}")
    claims = tuple(_claim(entry, path) for entry in _tables(content["claims"], f"{path}: claims"))
    ids = [claim.id for claim in claims] + [rule.id for claim in claims for rule in claim.evidence]
    for doubled in sorted({one for one in ids if ids.count(one) > 1}):
        raise ClaimsError(f"{path}: id {doubled!r} occurs twice, expected once")
    return Catalogue(content["version"], content["date"], claims)


@cache
def _load(path: str, stamp: int) -> Catalogue:
    return read(Path(path))


def load() -> Catalogue:
    """Return the catalogue of the book at hand, read once per state of its file."""
    path = f"{paths.data()}/claims.toml"
    return _load(path, os.stat(path).st_mtime_ns)


def _claim(entry: dict, path: Path) -> Claim:
    where = f"{path}: claim {entry.get('id', '(no id)')}"
    evidence = _tables(entry.get("evidence", []), f"{where}: evidence")
    plain = {key: value for key, value in entry.items() if key != "evidence"}
    _expect_fields(plain, Claim, {"evidence"}, where)
    rules = tuple(_rule(item, plain["id"], path) for item in evidence)
    lists = {key: tuple(plain[key]) for key in ("rivals", "apart")}
    claim = Claim(**{**plain, **lists}, evidence=rules)
    fewest = min(sum(not rule.where_given for rule in part) for part in claim.parts.values())
    if evidence and not 1 <= claim.needed <= fewest:
        raise ClaimsError(f"{where}: needed is {claim.needed}, expected 1 to {fewest} primary predictions")
    if sum(map(len, claim.parts.values())) < len(claim.primaries):
        raise ClaimsError(f"{where}: a primary prediction ends with none of {', '.join(claim.apart)}")
    return claim


def _rule(item: dict, claim_id: str, path: Path) -> Rule:
    item = {"where_given": False} | item
    where = f"{path}: evidence {item.get('id', '(no id)')}"
    _expect_fields(item, Rule, {"claim"}, where)
    for key, allowed in (("kind", KINDS), ("role", ROLES), ("rule", RULES), ("direction", DIRECTIONS)):
        if item[key] not in allowed:
            raise ClaimsError(f"{where}: {key} is {item[key]!r}, expected one of {', '.join(allowed)}")
    if not item["id"].startswith(f"{claim_id}."):
        raise ClaimsError(f"{where}: id does not begin with its claim {claim_id!r}")
    if not item["smallest"] > 0:
        raise ClaimsError(f"{where}: smallest is {item['smallest']!r}, expected a number above 0")
    return Rule(claim=claim_id, **item)


def _tables(value: object, where: str) -> list[dict]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ClaimsError(f"{where} is {value!r}, expected tables")
    return value


_VALUES = {
    str: ("text", lambda value: isinstance(value, str)),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    int: ("an integer", lambda value: type(value) is int),
    float: ("a number", lambda value: type(value) in (int, float)),
    datetime.date: ("a date", lambda value: type(value) is datetime.date),
    tuple[str, ...]: (
        "a list of texts",
        lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    ),
}


def _expect_value(value: object, kind: type, where: str) -> None:
    expected, fits = _VALUES[kind]
    if not fits(value):
        raise ClaimsError(f"{where} is {value!r}, expected {expected}")


def _expect_fields(entry: dict, kind: type, beside: set[str], where: str) -> None:
    """Raise `ClaimsError` unless a table has the fields of a dataclass, without those in `beside`, of their kinds."""
    known = {name: field.type for name, field in kind.__dataclass_fields__.items() if name not in beside}
    _expect_keys(entry, set(known), where)
    for name, wanted in known.items():
        _expect_value(entry[name], wanted, f"{where}: {name}")


def _expect_keys(entry: dict, expected: set[str], where: str) -> None:
    for key in sorted(set(entry) - expected):
        raise ClaimsError(f"{where}: unknown key {key!r}, expected {', '.join(sorted(expected))}")
    for key in sorted(expected - set(entry)):
        raise ClaimsError(f"{where}: key {key!r} is missing")
