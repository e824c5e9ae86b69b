import "./base.css";
import { createRoot } from "react-dom/client";
import { App, open } from "./App.tsx";
import { takeToken } from "./token.ts";

const token = takeToken();
const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App first={token === null ? null : open(token)} />);
