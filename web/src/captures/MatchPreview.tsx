// SPDX-License-Identifier: Apache-2.0
// What an expression means now: an error, the nodes it matches, or that it will wait.

import type { Preview, CheckAnswer } from "../api/types";
import { Icon } from "../ui/Icon";
import { plural } from "../ui/format";
import { messageOf } from "../ui/widgets";

const SHOWN = 8;

interface Props {
  expression: string;
  verdict: CheckAnswer | undefined;
  preview: Preview | undefined;
  error: Error | null;
  /** What happens while nothing matches. */
  waits: string;
}

export function MatchPreview(props: Props) {
  return (
    <div className="preview" aria-live="polite" data-testid="preview">
      <Content {...props} />
    </div>
  );
}

function Content({ expression, verdict, preview, error, waits }: Props) {
  if (expression === "") return <p className="muted">Matching interfaces are shown here before anything starts.</p>;
  if (verdict?.Valid === false) {
    return (
      <p className="tone-text-red">
        {verdict.Error}
        {verdict.Hint ? <span className="muted"> — {verdict.Hint}</span> : null}
      </p>
    );
  }
  if (error) return <p className="tone-text-red">{messageOf(error)}</p>;
  if (!preview) return <p className="muted">Looking…</p>;
  if (preview.Capturable === 0) {
    return (
      <p className="tone-text-amber">
        <Icon name="hourglass" size={14} /> {preview.Reason || "Nothing matches now"}: {waits}.
      </p>
    );
  }
  return (
    <>
      <p className="tone-text-green">
        <Icon name="check" size={14} /> Matches {plural(preview.Matching, "node")}
        {preview.Capturable < preview.Matching ? `, of which ${preview.Capturable} can be captured` : ""}
      </p>
      <ul className="samples">
        {preview.Sample.slice(0, SHOWN).map((node) => (
          <li key={node.ID} className="chip plain" title={`${node.Type} on ${node.Host}`}>
            {node.Name}
          </li>
        ))}
        {preview.Matching > SHOWN ? <li className="muted">and {preview.Matching - SHOWN} more</li> : null}
      </ul>
    </>
  );
}
