// SPDX-License-Identifier: Apache-2.0
// Whether what is shown is live; if not, since when, why, and when the next attempt comes.

import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { clockTime, duration } from "./format";
import { Icon } from "./Icon";
import { useNow } from "./now";
import { Button } from "./widgets";

export function LinkPill() {
  const link = useStore(useSession().link);
  const [tone, word] =
    link.state === "live" ? ["green", "live"] : link.state === "stale" ? ["amber", "stale"] : ["blue", "connecting"];
  return (
    <span className={`link-pill tone-${tone}`} data-testid="link" data-state={link.state}>
      <span className={`dot ${tone}`} />
      {word}
    </span>
  );
}

export function LinkBanner() {
  const session = useSession();
  const link = useStore(session.link);
  const now = useNow();
  if (link.state !== "stale") return null;
  const wait = Math.max(0, link.retryAt - now);
  return (
    <div className="banner">
      <Icon name="alert" />
      {/* Without the countdown, which would have it read out anew each second. */}
      <span role="alert">
        Not live since {clockTime(link.since).slice(0, 8)}: {link.reason}. What you see may be out of date.
      </span>
      <span className="muted">{wait > 0 ? `next attempt in ${duration(Math.ceil(wait / 1000) * 1000)}` : "trying"}</span>
      <Button onClick={() => session.retryNow()}>Try now</Button>
    </div>
  );
}
