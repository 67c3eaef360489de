// SPDX-License-Identifier: Apache-2.0
// The time of day, by the server's clock, for texts such as "12 s ago".

import { useEffect, useState } from "react";
import { now as present } from "../state/clock";

export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(present);
  useEffect(() => {
    const timer = setInterval(() => setNow(present()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
