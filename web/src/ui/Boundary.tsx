// SPDX-License-Identifier: Apache-2.0
// Keeps what goes wrong in one part of the page from taking down the others: it is said in its place.

import { Component, type ReactNode } from "react";
import { Button, EmptyState, messageOf } from "./widgets";

interface Props {
  /** What cannot be shown then, such as "This tab". */
  what: string;
  children: ReactNode;
}

interface State {
  /** In a list, for anything can be thrown. */
  readonly failures: readonly unknown[];
}

export class Boundary extends Component<Props, State> {
  override state: State = { failures: [] };

  static getDerivedStateFromError(failure: unknown): State {
    return { failures: [failure] };
  }

  override render(): ReactNode {
    const { failures } = this.state;
    if (failures.length === 0) return this.props.children;
    return (
      <div role="alert" data-testid="broken">
        <EmptyState icon="alert" title={`${this.props.what} cannot be shown`}>
          <p>
            {messageOf(failures[0])}. The server may be away, or have been upgraded since this page was loaded; what the
            address says is kept.
          </p>
          <Button primary onClick={() => window.location.reload()}>
            Load the page again
          </Button>
        </EmptyState>
      </div>
    );
  }
}
