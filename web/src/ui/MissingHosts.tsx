// SPDX-License-Identifier: Apache-2.0
// What a table lacks because somebody did not answer: who sees nothing must not take it for nothing being there.

import { plural } from "./format";
import { ErrorNote } from "./widgets";

const NAMED = 3;

export function MissingHosts({ hosts = [], what }: { hosts?: readonly string[] | undefined; what: string }) {
  if (hosts.length === 0) return null;
  return (
    <ErrorNote>
      {plural(hosts.length, "host")} did not answer, whose {what} are missing here: {hosts.slice(0, NAMED).join(", ")}
      {hosts.length > NAMED ? "…" : ""}
    </ErrorNote>
  );
}
