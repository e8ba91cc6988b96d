import { mount } from "svelte";

import App from "./console/Console.svelte";
import { HttpBackend } from "./lib/http/http-backend";
import "./style.css";

mount(App, { target: document.body, props: { backend: new HttpBackend() } });
