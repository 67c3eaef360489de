// SPDX-License-Identifier: Apache-2.0
// The page behind a login: a form while nobody is logged in, who it is and the way out afterwards.

import { type ReactNode, type SubmitEvent, useState } from "react";
import { logIn, logOut } from "../api/access";
import { useWhoAmI } from "../state/access";

export function BehindLogin({ children }: { children: ReactNode }) {
  const who = useWhoAmI();
  return who?.LoginRequired && !who.User ? <LoginForm /> : children;
}

export function LogOut() {
  const who = useWhoAmI();
  if (!who?.User) return null;
  const leave = (): void => {
    // Anew, so that nothing of what was seen stays in memory.
    void logOut().finally(() => window.location.reload());
  };
  return (
    <button type="button" className="link" title={`roles: ${who.Roles.join(", ") || "none"}`} onClick={leave}>
      Log out {who.User}
    </button>
  );
}

function LoginForm() {
  const [failure, setFailure] = useState("");
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    void logIn(text(given, "username"), text(given, "password")).then((reason) => {
      if (reason) setFailure(reason);
      else window.location.reload();
    });
  };
  return (
    <form className="login" aria-label="Log in" onSubmit={submit}>
      <h1>Netsonde</h1>
      <label>
        Name
        <input name="username" autoComplete="username" autoFocus required />
      </label>
      <label>
        Password or token
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      {failure ? <p role="alert">{failure}</p> : null}
      <button type="submit">Log in</button>
    </form>
  );
}

function text(given: FormData, name: string): string {
  const value = given.get(name);
  return typeof value === "string" ? value : "";
}
