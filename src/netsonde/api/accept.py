# SPDX-License-Identifier: Apache-2.0
"""Accept headers (RFC 9110 §12.5.1): lists, q-values and ranges, as well as the exact values of old clients."""

from collections.abc import Sequence


def preferred(header: str, offers: Sequence[str]) -> list[str]:
    """Return those of `offers` that the client accepts, best first; equal ones in the order of the offers.

    Without a header everything is accepted. An empty list means that nothing on offer was named.
    """
    ranges = _ranges(header) or [("*/*", 1.0)]
    rated = [(_quality(ranges, offer), offer) for offer in offers]
    return [offer for quality, offer in sorted(rated, key=lambda pair: -pair[0]) if quality > 0]


def accepts(header: str, media_type: str) -> bool:
    """Tell whether the client names `media_type` itself; ranges such as */* do not count."""
    return any(kind == media_type and quality > 0 for kind, quality in _ranges(header))


def _ranges(header: str) -> list[tuple[str, float]]:
    found = []
    for part in header.split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if kind:
            found.append((kind.lower(), _q(parameters)))
    return found


def _q(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def _quality(ranges: Sequence[tuple[str, float]], offer: str) -> float:
    """Return the q of the most specific range that covers `offer`, 0 when none does."""
    family = offer.partition("/")[0] + "/*"
    for wanted in (offer, family, "*/*"):
        for kind, quality in ranges:
            if kind == wanted:
                return quality
    return 0.0
