import { mount } from "svelte";

import Simulator from "./simulator/views/Simulator.svelte";
import "./style.css";

mount(Simulator, { target: document.body });
