import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A real desk with its own port and database. */
export class Desk {
  url = "";
  /** The key of scope `admin` of a desk that asks for keys. */
  key = "";
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #process;
  /** The options of a desk that asks for keys. @type {string[]} */
  #keyed = [];

  /**
   * @param {string} binary
   * @param {string} folder
   * @param {string} [database] Its URL, if it is not a file in the folder.
   */
  constructor(binary, folder, database = `sqlite://${join(folder, "hookdesk.db")}`) {
    this.binary = binary;
    this.folder = folder;
    this.database = database;
  }

  /**
   * Resolves when the desk accepts connections.
   * @param {string} binary
   * @param {string} folder
   * @param {boolean} asksForKeys
   * @param {string} [database]
   * @returns {Promise<Desk>}
   */
  static async start(binary, folder, asksForKeys, database) {
    mkdirSync(folder, { recursive: true });
    const desk = new Desk(binary, folder, database);
    const file = join(folder, "admin-key");
    await desk.#run("127.0.0.1:0");
    if (asksForKeys) {
      // Its URL, from which links are made, is known by now.
      await desk.stop();
      const keyed = ["--auth", "--admin-key-file", file, "--allow-target", "127.0.0.0/8"];
      desk.#keyed = [...keyed, "--public-url", desk.url];
      await desk.startAgain();
      desk.key = readFileSync(file, "utf8").trim();
    }
    return desk;
  }

  /** Resolves with a further host of it, which accepts connections. */
  async beside() {
    const host = new Desk(this.binary, this.folder, this.database);
    await host.#run("127.0.0.1:0");
    return host;
  }

  /**
   * Restarts it on the same port, with the same database.
   * @param {...string} more Further options.
   */
  async startAgain(...more) {
    await this.#run(new URL(this.url).host, ...more);
  }

  /** @param {string} address @param {...string} more */
  async #run(address, ...more) {
    const own = ["--listen", address, "--database", this.database, "--probe-first-ms", "200"];
    const options = [...own, ...this.#keyed, ...more];
    const child = spawn(this.binary, ["serve", ...options], { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    const lines = createInterface({ input: child.stderr });
    for await (const line of lines) {
      const url = /listening on (http:\/\/[^,\s]+)/.exec(line)?.[1];
      if (url === undefined) continue;
      // An unread pipe would block the desk.
      child.stderr.resume();
      this.url = url;
      return;
    }
    throw new Error(`${this.binary} ended before it accepted`);
  }

  /** Resolves when it has ended. */
  async stop() {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {string} [key]
   * @returns {Promise<any>} The response's `data`.
   */
  async call(method, path, body, key = this.key) {
    /** @type {Record<string, string>} */
    const headers = { "content-type": "application/json" };
    if (key !== "") headers.authorization = `Bearer ${key}`;
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(this.url + path, { method, headers, ...content });
    const document = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(document)}`);
    return document.data;
  }
}
