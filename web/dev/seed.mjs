// A few projects and runs in all states, for looking at.
export function seed(world) {
  const tally = world.addProject("tally", "/srv/git/tally");
  const shop = world.addProject("shop-backend", "https://git.example.org/team/shop-backend.git");
  const { speed } = world;
  world.speed = 200;
  world.startRun({
    project: tally.id,
    prompt: "Fix the failing test in tests/test_tally.py",
    checks: "make test",
  });
  world.startRun({
    project: shop.id,
    prompt: "Upgrade to Spring Boot 3 and make everything compile",
    checks: "false",
    budget_usd: 5,
  });
  const doomed = world.startRun({
    project: tally.id,
    prompt: 'Rewrite it all SCRIPT:[{"first_ms":60000,"text":"…"}]',
  });
  setTimeout(() => {
    world.cancel(doomed);
    world.speed = speed;
    world.startRun({
      project: shop.id,
      prompt: "Add rate limiting to the public API\n\nUse a token bucket for each caller.",
      permissions: "ask",
      budget_usd: 2,
    });
    world.startRun({
      project: tally.id,
      prompt: "Explain what `total()` does in the README",
      checks: "make test",
      budget_usd: 1,
    });
  }, 300);
}
