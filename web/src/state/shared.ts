// SPDX-License-Identifier: Apache-2.0
// A list of resources that everybody shares, kept up to date: read from the server, then changed as it tells.

import { ApiError } from "../api/http";
import { changed, nothing, received, requested, unread, type Change, type Listing, type Resource } from "./listing";
import { Store } from "./store";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;

export class Shared<T extends Resource> extends Store<Listing<T>> {
  /** Counts readings: what an earlier one finds is older than what is known by then. */
  private latest = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly list: () => Promise<T[]>) {
    super(nothing());
  }

  take(changes: readonly Change<T>[]): void {
    this.set(changed(this.get(), changes));
  }

  /** Read the whole list; a server that cannot tell it now is asked again. */
  read(pause = FIRST_PAUSE_MS): void {
    this.giveUp();
    const mine = this.latest;
    this.set(requested(this.get()));
    this.list().then(
      (list) => {
        if (mine === this.latest) this.set(received(this.get(), list));
      },
      (cause: unknown) => {
        if (mine !== this.latest) return;
        this.set(unread(this.get()));
        if (!mayPass(cause)) return;
        this.timer = setTimeout(() => this.read(Math.min(LONGEST_PAUSE_MS, 2 * pause)), pause);
      },
    );
  }

  /** What is being read counts no more: changes are no longer told. */
  giveUp(): void {
    this.latest += 1;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }
}

/** A user without the right will not get it by asking. */
function mayPass(cause: unknown): boolean {
  return !(cause instanceof ApiError) || cause.status === 0 || cause.status === 429 || cause.status >= 500;
}
