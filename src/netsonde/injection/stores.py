# SPDX-License-Identifier: Apache-2.0
"""What injections need of the bus."""

from dataclasses import dataclass

from netsonde.model.injections import AuditRecord, Injection, InjectionStatus
from netsonde.model.stores import Log, Store


@dataclass(frozen=True, slots=True)
class InjectionStores:
    """The buckets, by UUID; that of the audit by time and UUID."""

    definitions: Store[Injection]
    statuses: Store[InjectionStatus]
    audit: Log[AuditRecord]
