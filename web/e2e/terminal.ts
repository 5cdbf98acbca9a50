// What a test needs to read a terminal on the page.
import type { Page } from "@playwright/test";

// Text drawn by WebGL cannot be read: the page draws with elements instead, as it does where there is no WebGL.
export const withoutWebgl = () => {
  const { getContext } = HTMLCanvasElement.prototype;
  HTMLCanvasElement.prototype.getContext = function (
    this: HTMLCanvasElement,
    kind: string,
    ...rest: unknown[]
  ) {
    return kind === "webgl2" ? null : Reflect.apply(getContext, this, [kind, ...rest]);
  } as typeof getContext;
};

// What a terminal shows; the first of the page, or the one at a place.
export const screen = (page: Page, at = 0): Promise<string> =>
  page
    .locator(".xterm")
    .nth(at)
    .evaluate((element) =>
      [...element.querySelectorAll(".xterm-rows > div")]
        .map((row) => row.textContent?.trimEnd() ?? "")
        .join("\n"),
    );
