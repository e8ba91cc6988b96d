/** Links between the site's documents, which work under a server's paths and in a folder of files. */

export type Document = "console" | "simulator" | "signature";

/** A folder of static files has file names in its URLs, and has no desk for a console. */
const isFolder = /\.html$/.test(location.pathname);

/** The URL of a document; `null` when it is not served here. */
export function documentHref(document: Document): string | null {
  if (document === "console") return isFolder ? null : "./";
  return isFolder ? `./${document}.html` : `./${document}`;
}
