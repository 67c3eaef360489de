// SPDX-License-Identifier: Apache-2.0
import { Icon } from "../ui/Icon";
import { LOOKS, type CaptureStateName } from "./stateLook";

/** The state of a capture as a coloured pill; the word is always there, colour alone says nothing. */
export function StateBadge({ state }: { state: CaptureStateName }) {
  const { icon, tone } = LOOKS[state];
  return (
    <span className={`badge tone-${tone}`} data-state={state}>
      <Icon name={icon} size={13} />
      {state}
    </span>
  );
}
