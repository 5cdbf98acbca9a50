import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

// Following the end of a page that grows: starts when asked, stops when the person scrolls up.
export function useFollow(
  length: number,
  live: boolean,
): { following: boolean; atEnd: boolean; follow: () => void; end: RefObject<HTMLDivElement | null> } {
  const end = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(false);
  const [atEnd, setAtEnd] = useState(true);
  const lastTop = useRef(0);

  useEffect(() => {
    if (!live || !end.current) return;
    const observer = new IntersectionObserver((entries) => setAtEnd(entries.at(-1)?.isIntersecting ?? true), {
      rootMargin: "0px 0px 80px 0px",
    });
    observer.observe(end.current);
    const scrolled = () => {
      if (window.scrollY < lastTop.current - 4) setFollowing(false);
      lastTop.current = window.scrollY;
    };
    window.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      observer.disconnect();
      window.removeEventListener("scroll", scrolled);
    };
  }, [live]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new length is what there is to follow
  useLayoutEffect(() => {
    if (following) window.scrollTo(0, document.documentElement.scrollHeight);
  }, [following, length]);

  const follow = useCallback(() => setFollowing(true), []);
  return { following, atEnd, follow, end };
}
