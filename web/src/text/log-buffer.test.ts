import { describe, expect, it } from "vitest";
import { LogBuffer } from "./log-buffer";

const text = (log: LogBuffer, index: number) =>
  log
    .pieces(index)
    .map((piece) => piece.text)
    .join("");

describe("LogBuffer", () => {
  it("joins a line that arrives in parts", () => {
    const log = new LogBuffer(100);
    log.append("hel");
    expect(log.length).toBe(1);
    log.append("lo\nwor");
    log.append("ld\n");
    expect(log.length).toBe(2);
    expect([text(log, 0), text(log, 1)]).toEqual(["hello", "world"]);
  });

  it("keeps colours over line ends, in finished and unfinished lines", () => {
    const log = new LogBuffer(100);
    log.append("\x1b[31mone\ntwo\x1b[0m\nthree");
    expect(log.pieces(1)[0]?.style.fg).toBe("1");
    expect(log.pieces(2)[0]?.style.fg).toBe("");
  });

  it("lets the oldest lines go and counts them", () => {
    const log = new LogBuffer(100);
    for (let i = 0; i < 1000; i += 1) log.append(`line ${i}\n`);
    expect(log.length).toBeLessThanOrEqual(111);
    expect(log.dropped + log.length).toBe(1000);
    expect(text(log, log.length - 1)).toBe("line 999");
  });

  it("shows the last state of a progress line", () => {
    const log = new LogBuffer(10);
    log.append("1%\r2%\r3%");
    expect(text(log, 0)).toBe("3%");
  });
});
