// Packages from npm, each version in a folder of its own.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/task.h"

namespace corral::adapters::agent {

struct NpmPackage {
  std::string title;    // for people: "Claude Code"
  std::string name;     // "@anthropic-ai/claude-code"
  std::string version;  // exact: an unpinned install picks by the version of Node
  std::string program;  // what must be there when it is installed, relative to node_modules
};

class NpmInstaller {
 public:
  // `folder` has one subfolder a program and version: "<folder>/<kind>/<version>".
  NpmInstaller(std::filesystem::path folder, std::string npm)
      : folder_(std::move(folder)), npm_(std::move(npm)) {}

  std::filesystem::path modules(std::string_view kind, const NpmPackage& package) const;
  std::filesystem::path program(std::string_view kind, const NpmPackage& package) const;
  bool installed(std::string_view kind, const NpmPackage& package) const;

  // Fetches the package unless it is there. `progress` gets lines for a person. Safe to repeat and
  // to interrupt: what is incomplete never has the final name. npm runs no package's scripts.
  Task<Result<void>> install(std::string kind, NpmPackage package,
                             std::function<void(std::string_view)> progress) const;

 private:
  std::filesystem::path folder_;
  std::string npm_;  // looked up on PATH
};

// "linux-x64", as npm's packages name it.
std::string_view npm_platform();

}  // namespace corral::adapters::agent
