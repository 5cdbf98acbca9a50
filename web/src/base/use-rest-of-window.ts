import { type RefObject, useLayoutEffect, useState } from "react";

// The height, in px, from an element's top to the end of the window as it is unscrolled, and at least `least`.
export function useRestOfWindow(element: RefObject<HTMLElement | null>, least: number): number {
  const [height, setHeight] = useState(least);
  useLayoutEffect(() => {
    const measure = () => {
      if (!element.current) return;
      const top = element.current.getBoundingClientRect().top + window.scrollY;
      setHeight(Math.max(least, window.innerHeight - top - 24));
    };
    measure();
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, [element, least]);
  return height;
}
