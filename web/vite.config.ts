import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { pwa } from "./tools/pwa.mjs";

// Where `npm run dev` and `npx vite preview` find the API.
const target = process.env.CORRAL_URL ?? "http://127.0.0.1:8420";
const proxy = { "/api": { target }, "/ws": { target, ws: true } };

export default defineConfig({
  plugins: [react(), pwa()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the page's content security policy allows no data: URLs
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    port: 5173,
    proxy,
  },
  preview: { proxy },
  test: {
    include: ["src/**/*.test.{ts,tsx}", "dev/**/*.test.ts"],
    environment: "node",
    outputFile: process.env.JUNIT ? { junit: process.env.JUNIT } : undefined,
  },
});
