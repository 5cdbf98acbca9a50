// A test of the page with a mock server of its own, which knows one project.
import { test } from "../e2e/support";
import { startMock } from "./mock-server.mjs";

export type Mock = Awaited<ReturnType<typeof startMock>>;

export const mocked = test.extend<{
  options: Parameters<typeof startMock>[0];
  repository: string;
  mock: Mock;
}>({
  options: [{}, { option: true }],
  repository: ["/srv/git/tally", { option: true }], // of the project "tally"; empty: there is no project
  mock: async ({ options, repository }, use) => {
    const mock = await startMock({ speed: 50, ...options });
    if (repository) mock.world.addProject("tally", repository);
    await use(mock);
    mock.stop();
  },
});

export const onlyProject = (mock: Mock): string => [...mock.world.projects.keys()][0] ?? "";
