/** The caller: who the desk says the page is, and the sign-in that it may ask for. */

import { Refused, isUnauthorized, isWithoutSessions, problemOf } from "../http/backend";
import type { Credentials, KeyedBackend, Problem } from "../http/backend";
import { authorization } from "../http/http-backend";
import type { Me } from "../rows";

export class Caller {
  /** `null` until it is known, and from signing out on. It stays while the key has to be given again. */
  me = $state.raw<Me | null>(null);
  /** Whether the desk asks for a key. */
  isAsked = $state(false);
  /** Why the desk refused the key that was in use. */
  refusal = $state.raw<Problem | null>(null);
  /** Why it is not known who the caller is. */
  problem = $state.raw<Problem | null>(null);

  constructor(readonly backend: KeyedBackend) {
    backend.onUnauthorized(({ problem, hadKey }) => {
      this.isAsked = true;
      this.refusal = hadKey || this.me !== null ? problem : null;
    });
  }

  /** Has the desk say who the caller is. */
  async load(): Promise<void> {
    try {
      this.me = await this.#identify();
      this.problem = null;
    } catch (error) {
      this.problem = isUnauthorized(error) ? null : problemOf(error);
    }
  }

  /**
   * Signs in with a key, if the desk takes it: the browser stays signed in, or the page alone where the desk
   * sets no cookies. Throws `Refused` otherwise.
   */
  async signIn(text: string): Promise<void> {
    // Spaces and line ends come with copying; no key has any.
    const key = text.replace(/\s+/g, "");
    if (!SENDABLE.test(key)) throw new Refused(NOT_A_KEY);
    if (this.backend.other !== null) return this.#show(key);
    try {
      await this.#begin({ key });
    } catch (error) {
      if (!isWithoutSessions(error)) throw error;
      await this.#show(key);
    }
  }

  /** Shows the key with each call from here on, if the desk takes it. */
  async #show(key: string): Promise<void> {
    const me = await this.#identify(authorization(key));
    this.backend.useKey(key);
    this.#welcome(me);
  }

  /** Signs in as the partner of a link, which works once. Throws `Refused` if it does not. */
  async followLink(token: string, partner: string): Promise<void> {
    await this.#begin({ link: token, partner });
  }

  /** Goes on with a session that began elsewhere in this browser. */
  async resume(): Promise<void> {
    this.backend.useKey(null);
    this.#welcome(await this.#identify());
  }

  /** Ends the session, or forgets the key. */
  async signOut(): Promise<void> {
    if (this.me?.caller === "session") await this.#endSession();
    this.backend.useKey(null);
    this.me = null;
    this.isAsked = true;
    this.refusal = null;
  }

  /** One that has ended already is none to be ended. */
  async #endSession(): Promise<void> {
    try {
      await this.backend.call("DELETE", "/session");
    } catch (error) {
      if (!isUnauthorized(error)) throw error;
    }
  }

  async #begin(shown: Credentials): Promise<void> {
    const { data } = (await this.backend.signIn(shown)) as { data: Me };
    this.#welcome(data);
  }

  #welcome(me: Me): void {
    this.me = me;
    this.isAsked = false;
    this.refusal = null;
    this.problem = null;
  }

  async #identify(headers?: Record<string, string>): Promise<Me> {
    const document = await this.backend.call("GET", "/me", undefined, headers);
    return (document as { data: Me }).data;
  }
}

/** What a header can hold. */
const SENDABLE = /^[\x21-\x7e]+$/;
const NOT_A_KEY: Problem = {
  title: "Not an API key",
  detail: "An API key is letters and digits, and begins with hdk_. Copy it again.",
  code: "page_error",
};
