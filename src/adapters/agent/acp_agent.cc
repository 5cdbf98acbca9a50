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
    if (about_.terminal_package)
      CORRAL_CO_CHECK(co_await npm_.install(terminal_name(), *about_.terminal_package, progress));
    co_return co_await npm_.install(about_.name, about_.package, progress);
  }

  Task<Result<std::vector<ReadOnlyMount>>> mounts() override {
    if (!installed()) co_return fail(ErrorCode::unavailable, "{}", remedy());
    const auto source = about_.whole_package ? npm_.modules(about_.name, about_.package)
                                             : npm_.program(about_.name, about_.package);
    std::vector<ReadOnlyMount> mounts{{source.string(), inside()}};
    if (about_.needs_node)
      mounts.push_back({npm_.program(kNode, node_package()).string(), std::string(kNodeInside)});
    if (about_.terminal_package && npm_.installed(terminal_name(), *about_.terminal_package))
      mounts.push_back({npm_.modules(terminal_name(), *about_.terminal_package).string(),
                        inside(terminal_name())});
    co_return mounts;
  }

  Result<AgentLaunch> launch(const AgentTask& task) override {
    AgentLaunch launch;
    auto& process = launch.process;
    process.argv = program();
    process.argv.insert(process.argv.end(), about_.arguments.begin(), about_.arguments.end());
    process.input = true;
    process.merge_errors = false;  // stdout is the protocol
    about_.settle(task, launch);
    return launch;
  }

  Result<AgentLaunch> launch_terminal(const AgentTask& task) override {
    AgentLaunch launch;
    auto& argv = launch.process.argv;
    argv = program();
    if (const auto& package = about_.terminal_package) {
      if (!npm_.installed(terminal_name(), *package))
        return fail(ErrorCode::unavailable, "{} {} is not installed; run: corral agent install {}",
                    package->title, package->version, about_.name);
      argv = {inside(terminal_name()) + "/" + package->program};
    }
    const auto arguments = about_.terminal_arguments(task);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    about_.settle(task, launch);
    return launch;
  }

  std::unique_ptr<ports::AgentDriver> driver(const AgentTask& task) override {
    return std::make_unique<AcpDriver>(task, about_.package.title);
  }

 private:
  static std::string inside(std::string_view name) {
    return fmt::format("/corral/agents/{}", name);
  }
  std::string inside() const { return inside(about_.name); }
  std::string terminal_name() const { return about_.name + "-terminal"; }
  std::vector<std::string> program() const {
    std::vector<std::string> argv;
    if (about_.needs_node) argv.emplace_back(kNodeInside);
    argv.push_back(about_.whole_package ? inside() + "/" + about_.package.program : inside());
    return argv;
  }
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
