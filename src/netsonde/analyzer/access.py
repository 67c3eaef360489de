# SPDX-License-Identifier: Apache-2.0
"""The gate of an analyzer: its policy, files of users and tokens, sessions on the bus, and Keystone."""

import time
from pathlib import Path

from netsonde.access.gate import Gate
from netsonde.access.keystone import Keystone
from netsonde.access.policy import policy_of
from netsonde.access.sessions import SessionRecord, Sessions
from netsonde.access.settings import AccessSettings
from netsonde.access.tokens import Tokens
from netsonde.access.users import Users
from netsonde.bus.connection import Bus
from netsonde.observe import Health
from netsonde.settings import Settings


def users_file(settings: Settings) -> Path:
    return settings.access.users_file or settings.state_dir / "access" / "users"


def tokens_file(settings: Settings) -> Path:
    return settings.state_dir / "access" / "tokens"


async def open_sessions(bus: Bus, settings: AccessSettings) -> Sessions:
    store = await bus.bucket("sessions", codec=SessionRecord, ttl_s=settings.session_hours * 3600)
    return Sessions(
        store,
        now_s=time.time,
        hours=settings.session_hours,
        idle_minutes=settings.session_idle_minutes,
        most=settings.max_sessions,
    )


def open_gate(settings: Settings, sessions: Sessions, health: Health) -> Gate:
    """Return the gate; files are read when they are needed, and again when they change."""
    access = settings.access
    return Gate(
        access,
        policy_of(access),
        Users(users_file(settings), access.users),
        Tokens(tokens_file(settings)),
        sessions,
        Keystone(access.keystone, time.time),
        health=health,
    )
