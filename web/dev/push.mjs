// Subscriptions to push messages, as the API takes them; nothing is sent to them.
import { randomUUID } from "node:crypto";
import { Problem } from "./problem.mjs";

// A point of P-256, for browsers that look.
export const pushKey =
  "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

// False: the path is of something else.
export async function pushApi(devices, request, response, [noun, what, id], { json, bodyOf }) {
  if (noun !== "push") return false;
  const { method } = request;
  if (what === "key") json(response, 200, { public_key: pushKey });
  else if (method === "GET") json(response, 200, { items: [...devices.values()] });
  else if (method === "POST") {
    const { endpoint, keys, name = "" } = await bodyOf(request);
    if (!keys?.p256dh || !keys.auth) throw new Problem(400, "invalid", 'request body: "keys" is required');
    const known = [...devices.values()].find((device) => device.endpoint === endpoint);
    const device = known ?? { id: randomUUID(), endpoint, name, created_at: new Date().toISOString() };
    devices.set(device.id, device);
    json(response, 201, device);
  } else if (devices.delete(id)) {
    response.writeHead(204);
    response.end();
  } else throw new Problem(404, "not_found", `no device of yours has the id ${id}`);
  return true;
}
