// SPDX-License-Identifier: Apache-2.0
// A call's form: what its fields begin with, and the arguments that they stand for. Pure.

import type { Json, Parameter, Trigger } from "../api/types";

/** Texts as they are typed, by the names of the parameters; of yes-no parameters "true" or "". */
export type Values = Readonly<Record<string, string>>;

export type Control = "node" | "number" | "checkbox" | "choice" | "text";

export function controlOf(parameter: Parameter): Control {
  if (parameter.Values.length > 0) return "choice";
  switch (parameter.Type) {
    case "node":
      return "node";
    case "integer":
      return "number";
    case "boolean":
      return "checkbox";
    default:
      return "text";
  }
}

/** What has no default has to be said. */
export function isRequired(parameter: Parameter): boolean {
  return parameter.Default === null && controlOf(parameter) !== "checkbox";
}

export function initial(parameters: readonly Parameter[]): Values {
  return Object.fromEntries(parameters.map((parameter) => [parameter.Name, spelt(parameter.Default)]));
}

/** Arguments by name; an empty field of a parameter with a default is left to the default. */
export function argumentsOf(parameters: readonly Parameter[], values: Values): Record<string, Json> {
  return Object.fromEntries(
    parameters
      .map((parameter): [string, Json | undefined] => [parameter.Name, valueOf(parameter, values[parameter.Name] ?? "")])
      .filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}

export function missing(parameters: readonly Parameter[], values: Values): string[] {
  return parameters.filter((one) => isRequired(one) && !values[one.Name]?.trim()).map((one) => one.Name);
}

function valueOf(parameter: Parameter, text: string): Json | undefined {
  switch (controlOf(parameter)) {
    case "checkbox":
      return text === "true";
    case "choice":
      return parameter.Values.find((choice) => spelt(choice.Value) === text)?.Value;
    case "number":
      return text.trim() === "" ? undefined : Number(text);
    default:
      return text === "" && parameter.Default !== null ? undefined : text;
  }
}

/** A value as a field shows it. */
export function spelt(value: Json): string {
  if (value === null || value === false) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What calls a workflow by itself, in words. */
export function triggerWords(trigger: Trigger): string {
  switch (trigger.Type) {
    case "schedule":
      return `every ${trigger.Every}`;
    case "check":
      return `when ${trigger.Check ? `check ${trigger.Check}` : "any check"} says ${trigger.Verdicts.join(" or ") || "fail"}`;
    case "capture":
      return `when capture ${trigger.Capture} starts on an interface`;
  }
}

/** Paragraphs of a text whose lines were broken to fit a file; its Markdown is shown as it is written. */
export function paragraphs(text: string): string[] {
  return text
    .split(/\n[ \t]*\n/)
    .map((paragraph) => paragraph.trim().replace(/[ \t]*\n[ \t]*(?![-*\d\s])/g, " "))
    .filter(Boolean);
}
