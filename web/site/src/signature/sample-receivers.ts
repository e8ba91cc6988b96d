/** Sample receivers in five languages. The tests run each of them against a desk. */

import go from "./receivers/receiver.go?raw";
import java from "./receivers/Receiver.java?raw";
import javascript from "./receivers/receiver.mjs?raw";
import php from "./receivers/receiver.php?raw";
import python from "./receivers/receiver.py?raw";

export interface SampleReceiver {
  name: string;
  file: string;
  code: string;
  /** How to get the raw body in frameworks. */
  framework: string;
}

export const RECEIVERS: [SampleReceiver, ...SampleReceiver[]] = [
  {
    name: "JavaScript",
    file: "receiver.mjs",
    code: javascript,
    framework:
      'Express: express.raw({ type: "*/*" }) on the route, and request.body. Fastify: a parser for ' +
      'content types with parseAs: "buffer". Next.js: await request.text().',
  },
  {
    name: "Python",
    file: "receiver.py",
    code: python,
    framework:
      "Flask: request.get_data(). Django: request.body, and csrf_exempt. FastAPI: await request.body().",
  },
  {
    name: "Go",
    file: "receiver.go",
    code: go,
    framework: "Gin: c.GetRawData(). Echo: io.ReadAll(c.Request().Body). Before any Bind.",
  },
  {
    name: "Java",
    file: "Receiver.java",
    code: java,
    framework:
      "Spring: @RequestBody byte[] body. JAX-RS: a parameter byte[] body. Never the parsed object.",
  },
  {
    name: "PHP",
    file: "receiver.php",
    code: php,
    framework: "Laravel: $request->getContent(), without the CSRF middleware. Symfony: the same.",
  },
];
