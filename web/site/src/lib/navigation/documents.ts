/** Links between the site's documents, which work under a server's paths and in a folder of files. */

export type Document = "console" | "simulator" | "signature";

/** The URL of the desk that the page was built for; `null` if it is the one that serves the page. */
export const OTHER_DESK: string | null = import.meta.env.VITE_DESK ?? null;

/** A folder of static files has file names in its URLs, and a desk for its console if it was built for one. */
const isFolder = /\.html$/.test(location.pathname);

/** The URL of a document; `null` when it is not served here. */
export function documentHref(document: Document): string | null {
  if (document === "console" && !isFolder) return "./";
  if (document === "console") return OTHER_DESK === null ? null : "./index.html";
  return isFolder ? `./${document}.html` : `./${document}`;
}
