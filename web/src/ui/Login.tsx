// SPDX-License-Identifier: Apache-2.0
// The page behind a login: a form while nobody is logged in, who it is and the way out afterwards.

import { type ReactNode, type SubmitEvent, useEffect, useState } from "react";
import { logIn, logOut } from "../api/access";
import { useWhoAmI } from "../state/access";

export function BehindLogin({ children }: { children: ReactNode }) {
  const who = useWhoAmI();
  const [first, setFirst] = useState("");
  const user = who?.User ?? "";
  if (first === "" && user !== "") setFirst(user);
  const isOther = first !== "" && user !== "" && user !== first;
  useEffect(() => {
    // Somebody else logged in, in another tab: anew, so that they see nothing of what was seen here before.
    if (isOther) window.location.reload();
  }, [isOther]);
  if (isOther) return null;
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
