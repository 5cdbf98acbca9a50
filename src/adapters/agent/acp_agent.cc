#include "adapters/agent/acp_agent.h"

#include "adapters/agent/acp_driver.h"

namespace corral::adapters::agent {
namespace {

using ports::AgentInfo;
using ports::AgentLaunch;
using ports::AgentTask;
using ports::ReadOnlyMount;

constexpr std::string_view kNode = "node";
constexpr std::string_view kNodeInside = "/corral/agents/node";

// npm's packages of Node itself: the program, without npm.
NpmPackage node_package() {
  return {.title = "Node.js",
          .name = fmt::format("node-{}", npm_platform()),
          .version = std::string(kNodeVersion),
          .program = fmt::format("node-{}/bin/node", npm_platform())};
}

class AcpAgent final : public ports::Agent {
 public:
  AcpAgent(AcpAgentDescription description, AgentOptions options)
      : about_(std::move(description)), npm_(std::move(options.folder), std::move(options.npm)) {}

  std::string_view name() const override { return about_.name; }
  bool resumes() const override { return about_.resumes; }

  Task<Result<AgentInfo>> info() override {
    AgentInfo info{.name = about_.name,
                   .version = "",
                   .wanted_version = about_.package.version,
                   .problem = ""};
    if (installed())
      info.version = info.wanted_version;
    else
      info.problem = remedy();
    co_return info;
  }

  Task<Result<void>> install(std::function<void(std::string_view)> progress) override {
    if (about_.needs_node)
      CORRAL_CO_CHECK(co_await npm_.install(std::string(kNode), node_package(), progress));
    co_return co_await npm_.install(about_.name, about_.package, progress);
  }

  Task<Result<std::vector<ReadOnlyMount>>> mounts() override {
    if (!installed()) co_return fail(ErrorCode::unavailable, "{}", remedy());
    const auto source = about_.whole_package ? npm_.modules(about_.name, about_.package)
                                             : npm_.program(about_.name, about_.package);
    std::vector<ReadOnlyMount> mounts{{source.string(), inside()}};
    if (about_.needs_node)
      mounts.push_back({npm_.program(kNode, node_package()).string(), std::string(kNodeInside)});
    co_return mounts;
  }

  Result<AgentLaunch> launch(const AgentTask& task) override {
    AgentLaunch launch;
    auto& process = launch.process;
    if (about_.needs_node) process.argv.emplace_back(kNodeInside);
    process.argv.push_back(about_.whole_package ? inside() + "/" + about_.package.program
                                                : inside());
    process.argv.insert(process.argv.end(), about_.arguments.begin(), about_.arguments.end());
    process.input = true;
    process.merge_errors = false;  // stdout is the protocol
    about_.settle(task, launch);
    return launch;
  }

  std::unique_ptr<ports::AgentDriver> driver(const AgentTask& task) override {
    return std::make_unique<AcpDriver>(task, about_.package.title);
  }

 private:
  std::string inside() const { return "/corral/agents/" + about_.name; }
  bool installed() const {
    return npm_.installed(about_.name, about_.package) &&
           (!about_.needs_node || npm_.installed(kNode, node_package()));
  }
  std::string remedy() const {
    return fmt::format("{} {} is not installed; run: corral agent install {}", about_.package.title,
                       about_.package.version, about_.name);
  }

  AcpAgentDescription about_;
  NpmInstaller npm_;
};

}  // namespace

std::unique_ptr<ports::Agent> make_acp_agent(AcpAgentDescription description,
                                             AgentOptions options) {
  return std::make_unique<AcpAgent>(std::move(description), std::move(options));
}

}  // namespace corral::adapters::agent
