import { render } from "preact";
import { App } from "./panels/app";
import { interceptLinks } from "./panels/router";
import { findPresence } from "./session/people";
import "./panels/styles/tokens.css";
import "./panels/styles/elements.css";
import "./panels/styles/shell.css";

interceptLinks();
void findPresence();
render(<App />, document.getElementById("app")!);
