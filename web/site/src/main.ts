import { mount } from "svelte";

import App from "./App.svelte";
import { LiveBackend } from "./lib/live";
import "./style.css";

mount(App, { target: document.body, props: { backend: new LiveBackend() } });
