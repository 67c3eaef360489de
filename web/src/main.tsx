// SPDX-License-Identifier: Apache-2.0
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { askAgain, requests } from "./state/requests";
import { Session, SessionContext } from "./state/session";
import { Boundary } from "./ui/Boundary";
import { BehindLogin } from "./ui/Login";
import "./ui/styles/index.css";

const session = new Session();
const queries = requests();
askAgain(queries, session.link);
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <SessionContext value={session}>
        <Boundary what="The page">
          <BehindLogin>
            <App />
          </BehindLogin>
        </Boundary>
      </SessionContext>
    </QueryClientProvider>
  </StrictMode>,
);
session.start();
