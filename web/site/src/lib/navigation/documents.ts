/** The page's documents, which link to each other wherever they are served. */

export type Document = "console" | "simulator" | "signature";

/** A folder of files has them under their files' names, and has no desk to show in a console. */
const isFolder = /\.html$/.test(location.pathname);

/** Where a document is, if it is here. */
export function documentHref(document: Document): string | null {
  if (document === "console") return isFolder ? null : "./";
  return isFolder ? `./${document}.html` : `./${document}`;
}
