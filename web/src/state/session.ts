// SPDX-License-Identifier: Apache-2.0
// The live state of the page: one connection feeding the graph and the resources that the server pushes.

import { createContext, useContext } from "react";
import { listAlerts } from "../api/alerts";
import { listCaptures, listChecks } from "../api/client";
import { listInjections } from "../api/injections";
import type { CaptureView, Transition } from "../api/types";
import type { AlertMessage, CaptureMessage, CheckMessage, Message, WorkflowMessage } from "../transport/envelope";
import { openSubscriberSocket, Subscriber, type Link } from "../transport/subscriber";
import { withNews, type CheckNews } from "./checks";
import { emptyGraph, reduceGraph, unsynced, type GraphState } from "./graph";
import { Shared } from "./shared";
import { Store } from "./store";

export interface CaptureNews {
  readonly capture: CaptureView;
  readonly before: CaptureView | undefined;
}

/** A lone event is shown after so many ms; in a storm, batches wait for several times what the last one cost. */
const BATCH_MS = 40;
const COST_FACTOR = 4;
const LONGEST_BATCH_MS = 1000;

export class Session {
  readonly graph = new Store<GraphState>(emptyGraph);
  readonly captures = new Shared(listCaptures);
  readonly checks = new Shared(listChecks);
  readonly checkNews = new Store<CheckNews>(new Map());
  readonly alerts = new Shared(listAlerts);
  readonly injections = new Shared(listInjections);
  readonly link = new Store<Link>({ state: "connecting" });
  private readonly lists = [this.captures, this.checks, this.alerts, this.injections];
  private readonly subscriber: Subscriber;
  private readonly newsListeners = new Set<(news: CaptureNews) => void>();
  private readonly transitionListeners = new Set<(transition: Transition) => void>();
  private readonly workflowListeners = new Set<(change: WorkflowMessage) => void>();
  private waiting: Message[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;
  private pause = BATCH_MS;

  constructor(open: (resume: string | null) => WebSocket = openSubscriberSocket) {
    this.subscriber = new Subscriber(
      { onMessages: (messages) => this.enqueue(messages), onLink: (link) => this.linkChanged(link) },
      open,
    );
  }

  start(): void {
    this.subscriber.start();
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    this.subscriber.close();
  }

  retryNow(): void {
    this.subscriber.retryNow();
  }

  onCaptureNews(listener: (news: CaptureNews) => void): () => void {
    this.newsListeners.add(listener);
    return () => this.newsListeners.delete(listener);
  }

  /** Hear of each step in the life of an alert. */
  onTransition(listener: (transition: Transition) => void): () => void {
    this.transitionListeners.add(listener);
    return () => this.transitionListeners.delete(listener);
  }

  /** Hear that a workflow changed, or where a call of one is. */
  onWorkflow(listener: (change: WorkflowMessage) => void): () => void {
    this.workflowListeners.add(listener);
    return () => this.workflowListeners.delete(listener);
  }

  private linkChanged(link: Link): void {
    if (link.state === "stale") {
      this.flush();
      this.graph.set(unsynced(this.graph.get()));
      for (const list of this.lists) list.giveUp();
    }
    if (link.state === "live") {
      for (const list of this.lists) list.read();
      // Of what was found while nobody told, a server that was started anew says nothing.
      this.takeChecks([...this.checks.get().byId.keys()].map((uuid) => ({ type: "Result", uuid })));
    }
    this.link.set(link);
  }

  private enqueue(messages: readonly Message[]): void {
    this.waiting.push(...messages);
    this.timer ??= setTimeout(() => this.flush(), this.pause);
  }

  private flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const messages = this.waiting;
    this.waiting = [];
    if (messages.length === 0) return;
    const started = performance.now();
    this.graph.set(reduceGraph(this.graph.get(), messages));
    this.takeCaptures(messages.flatMap((message) => (message.kind === "capture" ? [message.change] : [])));
    this.takeChecks(messages.flatMap((message) => (message.kind === "check" ? [message.change] : [])));
    this.takeAlerts(messages.flatMap((message) => (message.kind === "alert" ? [message.change] : [])));
    this.injections.take(messages.flatMap((message) => (message.kind === "injection" ? [message.change] : [])));
    for (const message of messages) {
      if (message.kind === "workflow") for (const listener of this.workflowListeners) listener(message.change);
    }
    // Drawing follows in the same turn of the loop as far as React takes it; the canvas paints after this timer.
    setTimeout(() => {
      this.pause = Math.min(LONGEST_BATCH_MS, Math.max(BATCH_MS, (performance.now() - started) * COST_FACTOR));
    });
  }

  private takeCaptures(changes: readonly CaptureMessage[]): void {
    const before = this.captures.get().byId;
    this.captures.take(changes);
    for (const { type, view } of changes) {
      if (type !== "Deleted") this.tell({ capture: view, before: before.get(view.UUID) });
    }
  }

  private takeChecks(changes: readonly CheckMessage[]): void {
    this.checks.take(changes.filter((change) => change.type !== "Result"));
    this.checkNews.set(withNews(this.checkNews.get(), changes));
  }

  private takeAlerts(changes: readonly AlertMessage[]): void {
    this.alerts.take(changes.filter((change) => change.type !== "Transition"));
    for (const change of changes) {
      if (change.type !== "Transition") continue;
      for (const listener of this.transitionListeners) listener(change.transition);
    }
  }

  private tell(news: CaptureNews): void {
    for (const listener of this.newsListeners) listener(news);
  }
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("no session around this component");
  return session;
}
