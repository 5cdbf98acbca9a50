#include "runner/process_tree.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

namespace corral::runner {
namespace {

std::optional<ProcessEntry> read_stat(int proc, const char* pid_name) {
  char path[32];
  const std::size_t length = std::strlen(pid_name);
  if (length > 12) return std::nullopt;
  std::memcpy(path, pid_name, length);
  std::memcpy(path + length, "/stat", 6);
  Fd file(::openat(proc, path, O_RDONLY | O_CLOEXEC));
  char text[1024];
  const auto got = file ? ::read(file.get(), text, sizeof text) : -1;
  if (got <= 0) return std::nullopt;
  std::string_view line(text, static_cast<std::size_t>(got));
  // The second field is the program's name in parentheses, and may hold anything, parentheses too.
  const auto name_end = line.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  ProcessEntry entry;
  std::from_chars(pid_name, pid_name + length, entry.pid);
  line.remove_prefix(name_end + 1);
  int field = 2;  // proc(5) numbers them from 1
  while (!line.empty()) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const auto word = line.substr(0, line.find(' '));
    ++field;
    const auto number = [&](auto& into) {
      std::from_chars(word.data(), word.data() + word.size(), into);
    };
    if (field == 3) entry.zombie = word == "Z" || word == "X";
    if (field == 4) number(entry.parent);
    if (field == 6) number(entry.session);
    if (field == 22) return number(entry.start_time), entry;
    line.remove_prefix(word.size());
  }
  return std::nullopt;
}

}  // namespace

std::vector<ProcessEntry> descendants() {
  std::vector<ProcessEntry> all, ordered;
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return ordered;
  while (const auto* item = ::readdir(folder))
    if (item->d_name[0] >= '1' && item->d_name[0] <= '9')
      if (const auto entry = read_stat(::dirfd(folder), item->d_name)) all.push_back(*entry);
  ::closedir(folder);

  const auto add_children = [&](pid_t parent) {
    for (const auto& entry : all)
      if (entry.parent == parent) ordered.push_back(entry);
  };
  add_children(::getpid());
  for (std::size_t i = 0; i < ordered.size() && ordered.size() <= all.size(); ++i)
    add_children(ordered[i].pid);
  return ordered;
}

std::string initial_environment_value(pid_t pid, std::string_view name) {
  Fd file(::open(("/proc/" + std::to_string(pid) + "/environ").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  std::string environment;
  char buffer[4096];
  for (;;) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got <= 0 || environment.size() > (4u << 20)) break;
    environment.append(buffer, static_cast<std::size_t>(got));
  }
  std::string_view rest = environment;
  while (!rest.empty()) {
    const auto entry = rest.substr(0, rest.find('\0'));
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name))
      return std::string(entry.substr(name.size() + 1));
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
  }
  return {};
}

}  // namespace corral::runner
