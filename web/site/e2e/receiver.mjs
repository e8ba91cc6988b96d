import { createServer } from "node:http";

/** A receiver on this machine that does as it is told. */
export class Receiver {
  /** What it answers with. */
  status = 200;
  body = "";
  /** @type {{ id: string, event: string, data: any, signatures: number }[]} What it was sent. */
  heard = [];

  #server = createServer((request, response) => {
    let text = "";
    request.on("data", (part) => (text += part));
    request.on("end", () => {
      const { event, data } = JSON.parse(text);
      const signatures = String(request.headers["webhook-signature"]).split(" ").length;
      this.heard.push({ id: String(request.headers["webhook-id"]), event, data, signatures });
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
