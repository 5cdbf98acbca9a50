import { CirclePlay, Disc, Monitor, Moon, Plus, Sun } from "lucide-react";
import type { Info } from "./api/types";
import { Link } from "./base/router";
import { setTheme, type Theme, useTheme } from "./base/theme";
import { IsolationMark } from "./ui/isolation";
import "./top-bar.css";

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" className="logo" aria-hidden="true">
      <rect width="32" height="32" rx="8" className="logo-ground" />
      <path d="M22.5 11.2A8 8 0 1 0 22.5 20.8" className="logo-fence" />
      <circle cx="16" cy="16" r="2.6" className="logo-dot" />
    </svg>
  );
}

const nextTheme: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const themeIcon = { system: Monitor, light: Sun, dark: Moon };

export function ThemeButton() {
  const theme = useTheme();
  const Icon = themeIcon[theme];
  return (
    <button
      type="button"
      className="icon-button"
      title={`Theme: ${theme}`}
      aria-label={`Theme: ${theme}. Change to ${nextTheme[theme]}`}
      onClick={() => setTheme(nextTheme[theme])}
    >
      <Icon aria-hidden />
    </button>
  );
}

function ModelSource({ source }: { source: Info["model_source"] }) {
  if (source === "live") return null;
  const [Icon, word, title] =
    source === "replay"
      ? [CirclePlay, "Replay", "The model's answers come from a recording: no key, no cost"]
      : [Disc, "Recording", "The model's traffic is being recorded to a cassette"];
  return (
    <span className="chip chip-accent" title={title}>
      <Icon aria-hidden />
      {word}
      <span className="visually-hidden">: {title}</span>
    </span>
  );
}

const places = [
  { href: "/runs", label: "Runs", owns: (path: string) => path === "/" || path.startsWith("/runs") },
  { href: "/sessions", label: "Sessions", owns: (path: string) => path.startsWith("/sessions") },
  { href: "/workflows", label: "Workflows", owns: (path: string) => path.startsWith("/workflows") },
  { href: "/schedules", label: "Schedules", owns: (path: string) => path === "/schedules" },
  { href: "/queue", label: "Queue", owns: (path: string) => path === "/queue" },
  { href: "/projects", label: "Projects", owns: (path: string) => path === "/projects" },
  { href: "/about", label: "About", owns: (path: string) => path === "/about" },
];

export function TopBar({ path, info }: { path: string; info: Info | null }) {
  return (
    <header className="top-bar">
      <div className="top-bar-inner">
        <Link href="/runs" className="brand" aria-label="Corral, all runs">
          <Logo />
          <span>Corral</span>
        </Link>
        <nav aria-label="Main" className="top-nav">
          {places.map(({ href, label, owns }) => (
            <Link key={href} href={href} aria-current={owns(path) ? "page" : undefined}>
              {label}
            </Link>
          ))}
        </nav>
        <div className="top-bar-end">
          <span className="top-marks">
            {info ? <ModelSource source={info.model_source} /> : null}
            {info && info.isolation !== "sandbox" ? <IsolationMark isolation={info.isolation} /> : null}
          </span>
          <ThemeButton />
          <Link href="/runs/new" className="button button-primary" aria-label="New run">
            <Plus aria-hidden />
            <span className="top-new">New run</span>
          </Link>
        </div>
      </div>
    </header>
  );
}
