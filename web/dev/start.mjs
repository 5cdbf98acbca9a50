// `npm run dev:mock`: the mock and Vite's development server in front of it. MOCK_SPEED, MOCK_ISOLATION, MOCK_TOKEN.
import { createServer } from "vite";
import { startMock } from "./mock-server.mjs";
import { seed } from "./seed.mjs";

const { url, world } = await startMock({
  speed: Number(process.env.MOCK_SPEED ?? 1),
  isolation: process.env.MOCK_ISOLATION ?? "sandbox",
  token: process.env.MOCK_TOKEN ?? "",
});
seed(world);
process.env.CORRAL_URL = url;
const vite = await createServer({
  server: { proxy: { "/api": { target: url }, "/ws": { target: url, ws: true } } },
});
await vite.listen();
vite.printUrls();
