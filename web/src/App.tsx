// SPDX-License-Identifier: Apache-2.0
// The page: header, map on the left, panel on the right.

import { useQuery } from "@tanstack/react-query";
import { Suspense, type ComponentType } from "react";
import { serverInfo } from "./api/client";
import { AlertsTab, useAlertNews } from "./alerts/AlertsTab";
import type { Node } from "./api/types";
import { CapturesTab, useCaptureNews } from "./captures/CapturesTab";
import { draft, startWith } from "./captures/draft";
import { ChecksTab } from "./checks/ChecksTab";
import { FlowsTab } from "./flows/FlowsTab";
import { startFrom } from "./inject/draft";
import { Inspector } from "./inspector/Inspector";
import { firing } from "./state/alerts";
import { inOrder } from "./state/captures";
import { inOrder as checksInOrder } from "./state/checks";
import { running } from "./state/injections";
import { go, place, type Tab } from "./state/place";
import { useSession } from "./state/session";
import { useShownGraph } from "./state/shown";
import { useStore } from "./state/store";
import { theme, toggleTheme } from "./state/theme";
import { TimeBar, TimeButton } from "./time/TimeBar";
import { nameOf, shortName } from "./topology/appearance";
import { SearchBox } from "./topology/SearchBox";
import { Topology } from "./topology/Topology";
import { Boundary } from "./ui/Boundary";
import { lazily } from "./ui/lazily";
import { LinkBanner, LinkPill } from "./ui/LinkBanner";
import { LogOut } from "./ui/Login";
import { SplitPane } from "./ui/SplitPane";
import { Toasts } from "./ui/toasts";
import { IconButton, Tabs } from "./ui/widgets";

// The editor is a third of the page's code; it is loaded when somebody asks.
const ConsoleTab = lazily(() => import("./console/ConsoleTab"));
const InjectTab = lazily(() => import("./inject/InjectTab"));
const StatusTab = lazily(() => import("./status/StatusTab"));
const WorkflowsTab = lazily(() => import("./workflows/WorkflowsTab"));

export function App() {
  useCaptureNews();
  useAlertNews();
  return (
    <div className="page">
      <Header />
      <LinkBanner />
      <TimeBar />
      <SplitPane left={<TheMap />} right={<Panel />} />
      <Toasts />
    </div>
  );
}

function TheMap() {
  return (
    <Boundary what="The map">
      <Topology />
    </Boundary>
  );
}

function Header() {
  const look = useStore(theme);
  const info = useQuery({ queryKey: ["info"], queryFn: serverInfo, staleTime: Number.POSITIVE_INFINITY });
  return (
    <header className="top">
      <a className="brand" href="./" title="Netsonde">
        <img src="./icon.svg" alt="" width={22} height={22} />
        Netsonde
      </a>
      <SearchBox />
      <span className="spring" />
      {info.data ? (
        <button
          type="button"
          className="link-button server"
          title={`Status of all parts; version ${info.data.Version}`}
          onClick={() => go({ tab: "status", view: "" })}
        >
          {info.data.Host}
        </button>
      ) : null}
      <TimeButton />
      <LinkPill />
      <LogOut />
      <IconButton
        icon={look === "dark" ? "sun" : "moon"}
        label={look === "dark" ? "Light colours" : "Dark colours"}
        onClick={toggleTheme}
      />
    </header>
  );
}

function Panel() {
  const session = useSession();
  const captures = useStore(session.captures);
  const checks = useStore(session.checks);
  const alerts = useStore(session.alerts);
  const sending = running(useStore(session.injections));
  const graph = useShownGraph();
  const { tab, node: selected, link } = useStore(place);
  const node = graph.nodes.get(selected);
  const open = (next: Tab): void => go({ tab: next, view: "" });
  return (
    <aside className="panel">
      <Tabs<Tab>
        label="Panel"
        chosen={tab}
        onChoose={open}
        items={[
          { id: "captures", label: <TabLabel text="Captures" number={inOrder(captures).length} /> },
          { id: "checks", label: <TabLabel text="Checks" number={checksInOrder(checks).length} /> },
          { id: "alerts", label: <AlertsLabel all={alerts.byId.size} firing={firing(alerts)} /> },
          { id: "inject", label: <TabLabel text="Inject" number={sending} /> },
          { id: "workflows", label: "Workflows" },
          { id: "node", label: node ? shortName(nameOf(node), 24) : link ? "Link" : "Selection" },
          { id: "flows", label: "Flows" },
          { id: "query", label: "Query" },
          ...(tab === "status" ? [{ id: "status" as const, label: "Status" }] : []),
        ]}
      />
      <div className="panel-body" role="tabpanel">
        {/* Another for each tab: what is wrong with one says nothing of the next. */}
        <Boundary key={tab} what="This tab">
          <Content tab={tab} />
        </Boundary>
      </div>
    </aside>
  );
}

const CONTENTS: Readonly<Record<Exclude<Tab, "node">, ComponentType>> = {
  captures: CapturesTab,
  checks: ChecksTab,
  alerts: AlertsTab,
  flows: FlowsTab,
  inject: InjectTab,
  workflows: WorkflowsTab,
  query: ConsoleTab,
  status: StatusTab,
};

function Content({ tab }: { tab: Tab }) {
  if (tab === "node") return <Inspector onCapture={captureNode} onInject={injectFrom} />;
  const Chosen = CONTENTS[tab];
  return (
    <Suspense>
      <Chosen />
    </Suspense>
  );
}

function captureNode(node: Node): void {
  startWith(node);
  draft.set({ ...draft.get(), armed: null });
  go({ tab: "captures", view: "" });
}

function injectFrom(node: Node): void {
  startFrom(node);
  go({ tab: "inject", view: "" });
}

/** What fires counts for more than what there is. */
function AlertsLabel({ all, firing }: { all: number; firing: number }) {
  if (firing === 0) return <TabLabel text="Alerts" number={all} />;
  return (
    <>
      Alerts
      <span className="count urgent" title={`${firing} of ${all} firing`} data-testid="alerts-firing">
        {firing}
      </span>
    </>
  );
}

function TabLabel({ text, number }: { text: string; number: number }) {
  return (
    <>
      {text}
      {number > 0 ? <span className="count">{number}</span> : null}
    </>
  );
}
