// Runtime of the golden comparison: Node.

import * as hookdesk from "../../web/pkg/package/node.js";
import { lines } from "./lines.mjs";
import { player } from "./player.mjs";

await lines(player(hookdesk));
