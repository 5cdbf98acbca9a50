import { type RefObject, useLayoutEffect, useState } from "react";

const least = 320;

// The height from an element's top to the end of what is visible. While a phone's keyboard is up, all that is visible.
export function useVisibleHeight(element: RefObject<HTMLElement | null>): number {
  const [height, setHeight] = useState(least);
  useLayoutEffect(() => {
    const viewport = window.visualViewport;
    const measure = () => {
      if (!element.current) return;
      const visible = viewport?.height ?? window.innerHeight;
      const top = element.current.getBoundingClientRect().top + window.scrollY;
      const keyboard = visible < window.innerHeight * 0.75;
      setHeight(keyboard ? visible : Math.max(least, visible - top));
      if (keyboard) element.current.scrollIntoView();
    };
    measure();
    viewport?.addEventListener("resize", measure);
    window.addEventListener("resize", measure);
    return () => {
      viewport?.removeEventListener("resize", measure);
      window.removeEventListener("resize", measure);
    };
  }, [element]);
  return height;
}
