import { defineConfig } from "@playwright/test";

// Chromium from the system; root (in a container, say) cannot have Chromium's own sandbox.
const asRoot = process.getuid?.() === 0;

export default defineConfig({
  outputDir: "test-results",
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: process.env.JUNIT ? [["list"], ["junit", { outputFile: process.env.JUNIT }]] : [["list"]],
  use: {
    baseURL: process.env.CORRAL_URL,
    viewport: { width: 1280, height: 860 },
    actionTimeout: 15_000,
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CORRAL_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        ...(asRoot ? ["--no-sandbox"] : []),
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "e2e", testDir: "e2e" }, // against the server at CORRAL_URL
    { name: "page", testDir: "dev" }, // the page alone, each test with a mock of its own
  ],
});
