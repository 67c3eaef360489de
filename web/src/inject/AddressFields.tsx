// SPDX-License-Identifier: Apache-2.0
// Addresses of both ends, filled in from what the graph knows of them.

import type { Node } from "../api/types";
import { Field } from "../ui/Field";
import { bare, prefixesOf, sourceAddress, targetAddress } from "./addresses";
import { change, type Draft } from "./draft";
import type { Kind } from "./kinds";

interface Props {
  state: Draft;
  kind: Kind;
  source: Node | undefined;
  target: Node | undefined;
}

export function AddressFields({ state, kind, source, target }: Props) {
  const { family } = kind;
  if (family === 0 || !kind.hasTarget) return null;
  const to = state.dstIP ?? targetAddress(target, family);
  const from = state.srcIP ?? sourceAddress(source, family, to);
  const known = (node: Node | undefined): string[] => (node ? prefixesOf(node, family).map(bare) : []);
  return (
    <>
      <Field label="From address" hint={state.srcIP === null && from ? "of the interface" : undefined}>
        <Address value={from} list="inject-from" known={known(source)} onChange={(srcIP) => change({ srcIP })} />
      </Field>
      <Field label="To address" hint={state.dstIP === null && to ? "of the node" : undefined}>
        <Address value={to} list="inject-to" known={known(target)} onChange={(dstIP) => change({ dstIP })} />
      </Field>
      {kind.hasPorts ? (
        <>
          <Field label="From port" hint="empty = a random one">
            <Port value={state.srcPort} onChange={(srcPort) => change({ srcPort })} />
          </Field>
          <Field label="To port" hint="empty = one that suits">
            <Port value={state.dstPort} onChange={(dstPort) => change({ dstPort })} />
          </Field>
        </>
      ) : null}
    </>
  );
}

interface AddressProps {
  value: string;
  list: string;
  known: readonly string[];
  onChange: (value: string) => void;
}

function Address({ value, list, known, onChange }: AddressProps) {
  return (
    <>
      <input
        className="mono"
        value={value}
        list={list}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
      <datalist id={list}>
        {known.map((address) => (
          <option key={address} value={address} />
        ))}
      </datalist>
    </>
  );
}

function Port({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <input type="number" min={0} max={65_535} value={value} onChange={(event) => onChange(event.target.value)} />
  );
}
