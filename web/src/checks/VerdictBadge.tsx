// SPDX-License-Identifier: Apache-2.0
import type { CheckResult } from "../api/types";
import { Icon, type IconName } from "../ui/Icon";

export type Verdict = CheckResult["Verdict"];

const LOOKS: Readonly<Record<Verdict, { icon: IconName; tone: string }>> = {
  pass: { icon: "check", tone: "green" },
  fail: { icon: "alert", tone: "red" },
  unknown: { icon: "dots", tone: "grey" },
  waiting: { icon: "hourglass", tone: "amber" },
};

/** A verdict as a coloured pill, with a number in front when there is one; the word is always there. */
export function VerdictBadge({ verdict, number }: { verdict: Verdict; number?: number }) {
  const { icon, tone } = LOOKS[verdict];
  return (
    <span className={`badge tone-${tone}`} data-verdict={verdict}>
      <Icon name={icon} size={13} />
      {number === undefined ? verdict : `${number} ${verdict}`}
    </span>
  );
}
