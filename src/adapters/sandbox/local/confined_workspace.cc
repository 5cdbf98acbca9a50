#include "adapters/sandbox/local/confined_workspace.h"

#include <filesystem>

#include "adapters/sandbox/local/launch/confine.h"

namespace corral::adapters::sandbox {
namespace {

// What programs need of the host. Nothing that only root may read is reachable anyhow; of /etc only
// what holds no secret.
constexpr const char* kReadable[] = {
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/bash.bashrc",
    "/etc/debian_version",
    "/etc/fonts",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/magic",
    "/etc/maven",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/perl",
    "/etc/pki",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
};
constexpr const char* kDevices[] = {"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
                                    "/dev/urandom", "/dev/tty",  "/dev/ptmx", "/dev/pts"};
constexpr std::string_view kVersioned[] = {"java-", "python3"};

class ConfinedWorkspace final : public ports::Workspace {
 public:
  ConfinedWorkspace(std::shared_ptr<runner::client::RunnerClient> client, ConfinedPlaces places)
      : client_(std::move(client)), places_(std::move(places)) {}

  WorkspaceId id() const override { return client_->id(); }
  ports::Isolation isolation() const override { return client_->isolation(); }
  bool gone() const override { return client_->gone(); }
  std::string gateway_url() const override { return client_->gateway_url(); }
  std::string git_url() const override { return client_->git_url(); }

  Task<Result<void>> start(ports::ProcessSpec spec) override {
    for (auto& word : spec.argv) word = on_host(word);
    for (auto& [name, value] : spec.env) value = on_host(value);
    if (places_.confined) {
      std::vector<std::string> argv{places_.runner, "launch", "confine",
                                    to_json_text(confinement())};
      argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
      spec.argv = std::move(argv);
    }
    return client_->start(std::move(spec));
  }
  Task<Result<ports::ProcessExit>> wait(std::string process) override {
    return client_->wait(std::move(process));
  }
  Task<Result<std::uint64_t>> read_output(std::string channel, std::uint64_t from,
                                          ports::OutputSink sink) override {
    return client_->read_output(std::move(channel), from, std::move(sink));
  }
  Task<Result<std::uint64_t>> read_output_ahead(std::string channel, std::uint64_t from,
                                                ports::OutputSink sink) override {
    return client_->read_output_ahead(std::move(channel), from, std::move(sink));
  }
  Task<Result<void>> input(std::string process, std::string input_id, std::string bytes) override {
    return client_->input(std::move(process), std::move(input_id), std::move(bytes));
  }
  Task<Result<std::uint64_t>> type(std::string process, std::string source, std::uint64_t offset,
                                   std::string bytes) override {
    return client_->type(std::move(process), std::move(source), offset, std::move(bytes));
  }
  Task<Result<void>> close_input(std::string process) override {
    return client_->close_input(std::move(process));
  }
  Task<Result<void>> resize(std::string process, ports::TerminalSize size) override {
    return client_->resize(std::move(process), size);
  }
  Task<Result<void>> signal(std::string process, int number) override {
    return client_->signal(std::move(process), number);
  }
  Task<Result<std::string>> read_file(std::string path, std::size_t max_bytes) override {
    return client_->read_file(std::move(path), max_bytes);
  }
  Task<Result<void>> write_file(std::string path, std::string bytes,
                                std::optional<unsigned> mode) override {
    return client_->write_file(std::move(path), std::move(bytes), mode);
  }
  Task<Result<ports::FolderListing>> list_folder(std::string path,
                                                 std::size_t max_entries) override {
    return client_->list_folder(std::move(path), max_entries);
  }

 private:
  // "/opt/agent/bin/x" of a mount, "/workspace/…", "/home/agent/…" where they really are. Only at
  // the beginning of a word or of an element of a search path: text in the middle is not a path of
  // ours.
  std::string on_host(const std::string& text) const {
    std::string result;
    for (std::size_t at = 0; at <= text.size();) {
      const auto end = std::min(text.find(':', at), text.size());
      result += element_on_host(text.substr(at, end - at));
      if (end < text.size()) result += ':';
      at = end + 1;
    }
    return result;
  }

  std::string element_on_host(std::string element) const {
    const auto moved = [&](const std::string& from, const std::string& to) {
      if (!element.starts_with(from) ||
          (element.size() > from.size() && element[from.size()] != '/'))
        return false;
      element = to + element.substr(from.size());
      return true;
    };
    for (const auto& mount : places_.mounts)
      if (moved(mount.target, mount.source)) return element;
    if (!moved("/workspace", places_.work)) moved("/home/agent", places_.home);
    return element;
  }

  Confinement confinement() const {
    Confinement result;
    result.readable.assign(std::begin(kReadable), std::end(kReadable));
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/etc", ignored))
      for (const auto prefix : kVersioned)
        if (entry.path().filename().string().starts_with(prefix))
          result.readable.push_back(entry.path());
    result.readable.push_back(places_.runner);
    for (const auto& mount : places_.mounts) result.readable.push_back(mount.source);
    result.writable = {places_.work, places_.home, places_.tmp};
    result.devices.assign(std::begin(kDevices), std::end(kDevices));
    result.ports = {client_->gateway_port(), client_->git_port()};
    result.filter = places_.filter;
    return result;
  }

  std::shared_ptr<runner::client::RunnerClient> client_;
  ConfinedPlaces places_;
};

}  // namespace

std::shared_ptr<ports::Workspace> make_confined_workspace(
    std::shared_ptr<runner::client::RunnerClient> client, ConfinedPlaces places) {
  return std::make_shared<ConfinedWorkspace>(std::move(client), std::move(places));
}

}  // namespace corral::adapters::sandbox
