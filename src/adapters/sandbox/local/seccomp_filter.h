// The system calls that a workspace is refused. Everything that is not named is allowed: agents run
// compilers, browsers and language runtimes of every kind, and an allow-list breaks them with each
// kernel. What is named is what reaches beyond the own namespaces or is a favourite door into the
// kernel; docs/sandbox.md lists it.
#pragma once

#include <string>

#include "base/error.h"
#include "ports/launcher.h"

namespace corral::adapters::sandbox {

enum class FilterKind {
  sandbox,  // with a network namespace around it: Unix, IPv4, IPv6 and routing-information sockets
  reduced,  // on the host's network: TCP sockets (whose ports Landlock bounds, from ABI 4 on) and
            // socket pairs alone
};

constexpr FilterKind filter_kind(ports::Isolation isolation) {
  return isolation == ports::Isolation::sandbox ? FilterKind::sandbox : FilterKind::reduced;
}

// The filter for this machine's architecture as BPF instructions. `unsupported` when libseccomp
// cannot make it.
Result<std::string> make_seccomp_filter(FilterKind kind);

}  // namespace corral::adapters::sandbox
