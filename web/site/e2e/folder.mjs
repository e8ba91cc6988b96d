import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

/** @type {Record<string, string>} */
const TYPES = { html: "text/html", js: "text/javascript", css: "text/css", wasm: "application/wasm", svg: "image/svg+xml" };

/** A plain server of the static files in a folder, under `/some/place/`. */
export class Folder {
  /** @param {import("node:http").Server} server */
  constructor(server) {
    this.server = server;
    const address = /** @type {import("node:net").AddressInfo} */ (server.address());
    this.url = `http://127.0.0.1:${address.port}`;
  }

  /** @param {string} path */
  static async serve(path) {
    const server = createServer(async ({ url = "" }, response) => {
      const name = url.replace(/^\/some\/place\//, "").replace(/[?#].*/, "");
      try {
        const content = await readFile(join(path, name));
        response.setHeader("content-type", TYPES[name.split(".").at(-1) ?? ""] ?? "text/plain");
        response.end(content);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    return new Folder(server);
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }
}
