/** A link that signs a browser in once, as a partner: the URL's fragment has its token. */

export interface Link {
  partner: string;
  token: string;
}

/** The link in a fragment. */
export function linkIn(hash: string): Link | null {
  const [, partner, token] = /^#link\/([^/]+)\/([^/]+)$/.exec(hash) ?? [];
  return partner === undefined || token === undefined ? null : { partner, token };
}
