/** Reads the types of Server-Sent Events from the text of a stream, in whichever parts it arrives. */
export class EventTypes {
  /** The beginning of a line whose end has not arrived. */
  #rest = "";

  /** The types of the events that this part of the text names. */
  read(part: string): string[] {
    const lines = (this.#rest + part).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? "";
    return lines.filter((line) => line.startsWith(FIELD)).map((line) => line.slice(FIELD.length).trim());
  }
}

const FIELD = "event:";
