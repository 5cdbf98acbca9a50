#include "scenario.h"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace corral::sim {
namespace {

std::string random_step(Dice& dice, int number, const std::vector<std::string>& before) {
  std::string step = fmt::format("  - name: s{}\n", number);
  std::vector<std::string> needs;
  for (const auto& other : before)
    if (chance(dice, 0.35)) needs.push_back(other);
  if (!before.empty()) step += fmt::format("    needs: [{}]\n", fmt::join(needs, ", "));
  const int kind = pick(dice, 0, 9);
  if (kind == 0) {
    step += "    kind: approval\n    message: go on\n";
    if (chance(dice, 0.5))
      step +=
          "    timeout: 10m\n    default: " + std::string(chance(dice, 0.7) ? "allow" : "deny") +
          "\n";
    if (chance(dice, 0.5)) step += "    on_deny: continue\n";
    return step;
  }
  if (kind == 2) {
    step += fmt::format(
        "    kind: http\n    method: POST\n    url: http://outside/s{0}\n    body: ${{{{ run.id "
        "}}}} "
        "s{0}\n    retry: {{attempts: 3, backoff: 2s, on: [conflict, unavailable, deadline]}}\n",
        number);
    if (chance(dice, 0.3)) step += "    expect: [2xx, 409]\n    timeout: 30s\n";
    return step;
  }
  if (kind == 3 && chance(dice, 0.7))
    return step + "    kind: llm\n    prompt: say something\n    retry: {attempts: 3}\n";
  if (kind == 4 && chance(dice, 0.7)) {
    step += "    kind: session\n    command: [work]\n";
    if (chance(dice, 0.3)) step += fmt::format("    idle_s: {}\n", pick(dice, 10, 100));
    return step;
  }
  if (kind == 1) {
    step += "    kind: workflow\n    uses: child\n    inputs: {who: someone}\n";
  } else {
    step += "    kind: command\n    run: work\n";
  }
  if (chance(dice, 0.2))
    step += "    matrix: {n: [1, 2, 3]}\n" +
            std::string(chance(dice, 0.5) ? "    max_parallel: 2\n" : "");
  if (chance(dice, 0.3))
    step += fmt::format("    retry: {{attempts: {}, backoff: 2s, on: [conflict, unavailable]}}\n",
                        pick(dice, 1, 3));
  if (chance(dice, 0.15)) step += "    continue_on_error: true\n";
  if (!needs.empty() && chance(dice, 0.2))
    step += fmt::format("    if: {}\n",
                        chance(dice, 0.5)
                            ? "always()"
                            : fmt::format("steps.{}.status == 'completed'", needs.front()));
  return step;
}

}  // namespace

std::string child_definition() {
  return "name: child\ninputs: {who: string}\noutputs: {said: \"hello ${{ inputs.who "
         "}}\"}\nsteps:\n  - {name: work, kind: command, run: [echo, \"${{ inputs.who }}\"]}\n";
}

std::string random_definition(Dice& dice) {
  std::string text = "name: random\n";
  if (chance(dice, 0.2))
    text += fmt::format("concurrency: {{group: g, limit: {}}}\n", pick(dice, 1, 2));
  if (chance(dice, 0.2)) text += "timeout: 2h\n";
  text += "steps:\n";
  std::vector<std::string> names;
  const int steps = pick(dice, 1, 6);
  for (int i = 0; i < steps; ++i) {
    text += random_step(dice, i, names);
    names.push_back(fmt::format("s{}", i));
  }
  if (chance(dice, 0.4)) text += "finally:\n  - {name: clean, kind: command, run: clean}\n";
  return text;
}

}  // namespace corral::sim
