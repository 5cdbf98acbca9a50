// A program asks its terminal things ("where is the cursor?", "which colours?") by printing them. The server answers, once,
// however many look on: a viewer's terminal must stay silent, or every viewer would type an answer into the program.
import type { IParser } from "@xterm/xterm";

const csi = [
  { final: "c" }, // device attributes
  { prefix: ">", final: "c" },
  { prefix: "=", final: "c" },
  { final: "n" }, // status, place of the cursor
  { prefix: "?", final: "n" },
  { intermediates: "$", final: "p" }, // modes
  { prefix: "?", intermediates: "$", final: "p" },
  { prefix: ">", final: "q" }, // name and version
  { final: "x" }, // parameters
  { prefix: "?", final: "u" }, // keyboard protocol
] as const;

const dcs = [
  { intermediates: "$", final: "q" }, // settings
  { intermediates: "+", final: "q" }, // terminfo
] as const;

// Title, indexed and special colours: setting them is shown, asking for them is not answered.
const osc = [4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

export function silenceQueries(parser: IParser) {
  for (const id of csi) parser.registerCsiHandler(id, () => true);
  for (const id of dcs) parser.registerDcsHandler(id, () => true);
  for (const ident of osc) parser.registerOscHandler(ident, (data) => data.split(";").includes("?"));
  // Window operations from 11 to 21 ask; 22 and 23 keep and bring back titles.
  parser.registerCsiHandler({ final: "t" }, ([operation]) => operation !== 22 && operation !== 23);
  parser.registerEscHandler({ final: "Z" }, () => true); // device attributes, the old way
}

// A program may ask to be told when the terminal has the focus. Which of many viewers' would that be? It is not told.
export const isFocusReport = (data: string) => data === "\x1b[I" || data === "\x1b[O";
