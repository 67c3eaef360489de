# SPDX-License-Identifier: Apache-2.0
"""What a cloud does not show, in words: to an account without rights it looks empty, and says nothing of it. Pure."""

from netsonde.openstack.cloud import Account
from netsonde.openstack.inventory import Inventory


def remark(account: Account, known: Inventory, *, unknown: int) -> str:
    """Return what an administrator should know of a cloud that is read, "" = nothing.

    `unknown` interfaces carry ids of ports that no cloud shows.
    """
    found = [_rights(account, known)]
    if unknown:
        found.append(f"{unknown} interfaces carry ids of ports that no cloud shows")
    return "; ".join(filter(None, found))


def _rights(account: Account, known: Inventory) -> str:
    who = f"{account.user or 'the account'} (roles in {account.project or 'its project'}: {_listed(account.roles)})"
    if not known.ports and not known.networks:
        return f"no network and no port is shown to {who}: it lacks rights, or the cloud is empty"
    if known.ports and not any(port.host_id is not None for port in known.ports.values()):
        subnets = "" if known.subnets else " and prefixes"
        return (
            f"{who} sees what is its own only, without hosts, network types, segmentation ids{subnets}: give it admin"
        )
    return ""


def _listed(roles: object) -> str:
    return ", ".join(map(str, roles)) if isinstance(roles, list | tuple) and roles else "none"
