import { mount } from "svelte";

import Signature from "./signature/Signature.svelte";
import "./style.css";

mount(Signature, { target: document.body });
