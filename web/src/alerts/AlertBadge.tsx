// SPDX-License-Identifier: Apache-2.0
import type { AlertView } from "../api/types";
import { Icon, type IconName } from "../ui/Icon";

type State = AlertView["State"];

const LOOKS: Readonly<Record<State, { icon: IconName; tone: string; word: string }>> = {
  firing: { icon: "bell", tone: "red", word: "firing" },
  pending: { icon: "hourglass", tone: "amber", word: "pending" },
  resolved: { icon: "check", tone: "green", word: "resolved" },
  inactive: { icon: "check", tone: "grey", word: "ok" },
};

/** The state of an alert as a coloured pill; the word is always there. */
export function AlertBadge({ state }: { state: State }) {
  const { icon, tone, word } = LOOKS[state];
  return (
    <span className={`badge tone-${tone}`} data-state={state}>
      <Icon name={icon} size={13} />
      {word}
    </span>
  );
}

const SEVERITY_TONES: Readonly<Record<AlertView["Severity"], string>> = { info: "blue", warning: "amber", critical: "red" };

export function SeverityChip({ severity }: { severity: AlertView["Severity"] }) {
  return (
    <span className="chip plain">
      <span className={`dot ${SEVERITY_TONES[severity]}`} />
      {severity}
    </span>
  );
}
