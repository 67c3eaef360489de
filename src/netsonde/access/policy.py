# SPDX-License-Identifier: Apache-2.0
"""Which role may do what, read from lines as the reference's policies have them (casbin's CSV).

An effect as there: some line allows and none denies. Roles are not users: who is called `admin` is nobody for that.
"""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final, NamedTuple

from netsonde.access.rights import PUBLIC, RIGHTS, Right
from netsonde.access.settings import AccessSettings
from netsonde.access.users import check_users
from netsonde.errors import UserError

ANY: Final = "*"


class Rule(NamedTuple):
    """One line of rights: `object` and `action` may be `*`."""

    role: str
    object: str
    action: str
    allows: bool

    def covers(self, right: Right) -> bool:
        return self.object in (ANY, right.object) and self.action in (ANY, right.action)


class Policy:
    """The rules and who has which role. Immutable."""

    def __init__(self, rules: Iterable[Rule], grants: Iterable[tuple[str, str]], users: Mapping[str, str]) -> None:
        self._rules = tuple(rules)
        self.roles = frozenset(rule.role for rule in self._rules)
        """Every role that some line gives or denies a right."""
        self._inherited: dict[str, set[str]] = {}
        self._granted = {name: _words(roles) for name, roles in users.items()}
        for who, role in grants:
            (self._inherited if who in self.roles else self._granted).setdefault(who, set()).add(role)
        self._found: dict[frozenset[str], frozenset[Right]] = {}

    def granted(self, user: str) -> frozenset[str]:
        """Return the roles that a user is given by name; what a role of the same name inherits is not among them."""
        return frozenset(self._granted.get(user, ()))

    def rights(self, roles: frozenset[str]) -> frozenset[Right]:
        """Return what one may do who has these roles."""
        found = self._found.get(roles)
        if found is None:
            found = frozenset(right for right in RIGHTS if self._allows(self._with_inherited(roles), right))
            if len(self._found) < _REMEMBERED:
                self._found[roles] = found
        return found

    def allows(self, roles: frozenset[str], right: Right) -> bool:
        return right == PUBLIC or right in self.rights(roles)

    def _allows(self, roles: frozenset[str], right: Right) -> bool:
        effects = {rule.allows for rule in self._rules if rule.role in roles and rule.covers(right)}
        return effects == {True}

    def _with_inherited(self, roles: frozenset[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = set(roles)
        while waiting:
            role = waiting.pop()
            found.add(role)
            waiting |= self._inherited.get(role, set()) - found
        return frozenset(found)


_REMEMBERED: Final = 1000
"""Sets of roles for which the answer is kept."""


def bundled_lines() -> list[str]:
    """Return the policy that comes with the program."""
    return files("netsonde.access").joinpath("policy.csv").read_text(encoding="utf-8").splitlines()


def read_policy(more: Iterable[str] = (), roles_of: Mapping[str, str] | None = None, source: str = "") -> Policy:
    """Return the bundled policy with `more` lines, and the roles of users by name, separated by blanks or commas.

    Raises UserError that names each line that is not understood.
    """
    rules: list[Rule] = []
    grants: list[tuple[str, str]] = []
    problems: list[str] = []
    for line in (*bundled_lines(), *more):
        parts = [part.strip() for part in line.split(",")]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if parts[0] == "p" and len(parts) in (4, 5) and parts[-1] in ("allow", "deny", parts[3]):
            problems += _unknown(line, parts[2], parts[3])
            rules.append(Rule(parts[1], parts[2], parts[3], parts[4:] != ["deny"]))
        elif parts[0] == "g" and len(parts) == 3:
            grants.append((parts[1], parts[2]))
        else:
            problems.append(f"{line.strip()[:100]!r} is no line of a policy")
    users = roles_of or {}
    by_name = [(name, role) for name, text in users.items() for role in _words(text)]
    problems += _unknown_roles(rules, [*grants, *by_name])
    if problems:
        where = f" in {source}" if source else ""
        raise UserError(
            f"bad policy{where}:\n  " + "\n  ".join(problems),
            hint="write `p, ROLE, OBJECT, ACTION, allow` or `g, USER, ROLE`; `netsonde access rights` lists them",
        )
    return Policy(rules, grants, users)


def _words(roles: str) -> set[str]:
    return set(roles.replace(",", " ").split())


def _unknown(line: str, kind: str, action: str) -> list[str]:
    if any(Rule("", kind, action, allows=True).covers(right) for right in RIGHTS):
        return []
    return [f"{line.strip()[:100]!r}: there is no right {kind} {action}"]


def _unknown_roles(rules: Iterable[Rule], grants: Iterable[tuple[str, str]]) -> list[str]:
    known = {rule.role for rule in rules}
    return [f"{who} is given the role {role}, which no line describes" for who, role in grants if role not in known]


def policy_of(settings: AccessSettings) -> Policy:
    """Return the bundled policy with what the settings add. Raises UserError for what cannot be meant."""
    check_users(settings.users)
    more = list(settings.policy)
    if settings.policy_file is not None:
        try:
            more += settings.policy_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as bad:
            raise UserError(f"cannot read {settings.policy_file}: {bad}", hint="check access.policy_file") from bad
    policy = read_policy(more, settings.roles, source="access.policy")
    named = {settings.default_role, *" ".join(settings.keystone.roles.values()).replace(",", " ").split()} - {""}
    unknown = sorted(named - policy.roles)
    if unknown:
        raise UserError(
            f"access names the role {unknown[0]}, which no line of the policy describes",
            hint=f"roles are {', '.join(sorted(policy.roles))}",
        )
    return policy
