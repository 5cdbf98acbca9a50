// The reduced mode, where namespaces are forbidden: each process of the workspace confines itself
// with Landlock and seccomp before it becomes the wanted program. The runner itself stays outside,
// because it must dial the server.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace corral::adapters::sandbox {

struct Confinement {
  std::vector<std::string> readable;  // files and folders: read and execute
  std::vector<std::string> writable;  // folders: everything but device nodes
  std::vector<std::string> devices;   // character devices: read, write, ioctl
  std::vector<std::uint16_t> ports;   // TCP ports that may be connected to (Landlock ABI 4 on)
  std::string filter;                 // the seccomp filter's bytes
};

std::string to_json_text(const Confinement& confinement);
Result<Confinement> parse_confinement(std::string_view text);

// The ABI of the running kernel; 0 when it has no Landlock (or it is switched off).
int landlock_abi();

// Confines the calling process for good. `unsupported` when the kernel has no Landlock. What the
// ABI is too old for is left out: ports below 4, device ioctls below 5, signals and abstract
// sockets below 6.
Result<void> confine(const Confinement& confinement);

}  // namespace corral::adapters::sandbox
