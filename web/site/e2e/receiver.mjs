import { createServer } from "node:http";

/** A receiver on this machine, whose responses the story decides. */
export class Receiver {
  /** The response. */
  status = 200;
  body = "";
  /**
   * All deliveries so far.
   * @type {{
   *   id: string, event: string, data: any, signatures: number,
   *   headers: Record<string, string>, text: string,
   * }[]}
   */
  received = [];

  #server = createServer((request, response) => {
    /** @type {Buffer[]} */
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const text = Buffer.concat(parts).toString();
      const { event, data } = JSON.parse(text);
      const signatures = String(request.headers["webhook-signature"]).split(" ").length;
      const headers = /** @type {Record<string, string>} */ (request.headers);
      const id = String(headers["webhook-id"]);
      this.received.push({ id, event, data, signatures, headers, text });
      response.writeHead(this.status, { "content-type": "text/html" }).end(this.body);
    });
  });

  /** @returns {Promise<Receiver>} */
  static async start() {
    const receiver = new Receiver();
    await new Promise((listening) =>
      receiver.#server.listen(0, "127.0.0.1", () => listening(undefined)),
    );
    return receiver;
  }

  get url() {
    const address = /** @type {import("node:net").AddressInfo} */ (this.#server.address());
    return `http://127.0.0.1:${address.port}/hook`;
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
