// Which repositories Corral reads: the allowed URL forms, without what must not be seen in them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace corral::adapters::git {

struct Source {
  std::string url;      // for git; without the password of an http(s) URL
  std::string display;  // for messages: the same, with whatever may be secret starred out
  std::string local;    // the absolute path when it is a repository of this machine, else empty
  // Configuration that carries an http(s) URL's user and password: given to git by environment,
  // since every user of the machine can read a command line.
  std::vector<std::pair<std::string, std::string>> config;
};

// Allowed: https://, http://, ssh://, git://, user@host:path, file:///path, /path. `invalid`
// otherwise, and for anything that git could take for an option or a transport helper.
Result<Source> parse_source(std::string_view url);

// `text` with the user information of every URL in it starred out (for http) or without its
// password (otherwise).
std::string redact_urls(std::string_view text);

// The rules of git-check-ref-format for a branch name, and not starting with '-'. `invalid` names
// `what`.
Result<void> check_branch_name(std::string_view name, std::string_view what);

bool is_commit_hash(std::string_view text);  // 40 lower-case hex digits

}  // namespace corral::adapters::git
