# SPDX-License-Identifier: Apache-2.0
"""For whom something acts that one user set up and another one wrote, and who sees what came of it (ADR 24)."""

from dataclasses import dataclass

from netsonde.access.gate import Gate, Principal
from netsonde.access.rights import ACCESS_READ, RIGHTS, WORKFLOW_CALL, Right


@dataclass(frozen=True, slots=True)
class Lending:
    """Judges by the roles of this moment."""

    gate: Gate

    def between(self, principal: Principal, owner: str | None, thing: str) -> str:
        """Return for whom a workflow acts that a user has called by itself: the one of the two who may do less.

        The user must not get at what only the workflow's `owner` may, nor whoever changes the workflow at what only
        the user may. `owner` None = it came with the program, and acts for the user. Raises Forbidden when the user may
        not call workflows, when each of the two may do what the other may not, and when the owner is nobody any more.
        """
        self.gate.check(principal, WORKFLOW_CALL)
        if owner is None or principal.owner == owner:
            return principal.owner
        lender = self.gate.acting_for(owner)
        if lender is None:
            raise self.gate.refused(
                f"{thing} is not called: its owner {owner or 'somebody unknown'} is nobody here any more",
                "let somebody with a password, or an API token, save it anew",
            )
        theirs, ours = self.gate.policy.rights(lender.roles), self.gate.policy.rights(principal.roles)
        if ours <= theirs:
            return principal.owner
        if theirs <= ours:
            return owner
        raise self.gate.refused(
            f"{principal.name or 'a guest'} may not have {thing} called: {owner}, to whom it belongs, has the right "
            f"{min(theirs - ours)}, and not {min(ours - theirs)}",
            "let its owner do this, or somebody who may do as much",
        )

    def between_now(self, user: str, owner: str | None, thing: str) -> str:
        """As `between`, for a user who set up earlier that `thing` is called now, with the roles of now."""
        principal = self.gate.acting_for(user)
        if principal is None:
            raise self.gate.refused(
                f"{thing} is not called for {user or 'somebody unknown'}: nobody here knows what that user may do",
                "let a user with a password, or an API token, change what calls it",
            )
        # Where nobody has to log in everybody is one, and jobs say which address it was.
        return self.between(principal, owner, thing) or user

    def hidden(self, principal: Principal, owner: str, thing: str) -> str:
        """Say why `thing`, found out with an owner's rights, is not for this user; "" when it is.

        An owner who is nobody any more, or somebody of Keystone's, may have had every right.
        """
        more = set() if principal.owner == owner else self._more(owner, principal)
        return f"{thing} acted for {owner or 'somebody unknown'}, who may do more: {min(more)}" if more else ""

    def private(self, principal: Principal, owner: str, thing: str) -> str:
        """Say why what `thing` was given is not for this user; "" when it is: for its owner and administrators."""
        if principal.owner == owner or self.gate.allows(principal, ACCESS_READ):
            return ""
        return f"{thing} is of {owner or 'somebody unknown'}: only that user and administrators see what it was given"

    def _more(self, owner: str, principal: Principal) -> set[Right]:
        lender = self.gate.acting_for(owner)
        theirs = RIGHTS if lender is None else self.gate.policy.rights(lender.roles)
        return set(theirs) - self.gate.policy.rights(principal.roles)
