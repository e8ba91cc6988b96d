import { mount } from "svelte";

import App from "./console/Console.svelte";
import { HttpBackend } from "./lib/http/http-backend";
import { OTHER_DESK } from "./lib/navigation/documents";
import "./style.css";

mount(App, { target: document.body, props: { backend: new HttpBackend(OTHER_DESK) } });
