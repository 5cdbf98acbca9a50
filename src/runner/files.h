// The workspace's files, for the server: never out of the folder given, never blocked by what is
// not a regular file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "base/json.h"

namespace corral::runner {

// A handle (O_PATH) on a folder anywhere. A link to a descriptor of the runner, as in
// /proc/self/fd, is `forbidden`.
Result<Fd> open_folder(const std::string& path);

// Reads `path` below `root`. Symbolic links are followed while they stay below it; one that leads
// out is `forbidden`, as is anything but a regular file. `exhausted` when it is larger than
// `max_bytes`.
Result<std::string> read_file_below(const std::string& root, const std::string& path,
                                    std::size_t max_bytes);

// Replaces `path` below `root` as a whole, making missing parent folders: a link at its end is
// replaced, not followed. Without a mode it has that of the file that it replaces, or 0644.
Result<void> write_file_below(const std::string& root, const std::string& path,
                              std::string_view bytes, std::optional<unsigned> mode);

// The answer to `list_folder`: what the folder `path` below `root` (empty: `root` itself) holds, in
// the order in which it is found. Links are followed on the way there and not looked through in it.
// Stops at `max_entries`, or when the entries would take more than `max_bytes` as JSON: "truncated"
// then, however many there are. `invalid` for what is not a folder.
Result<json::object> list_folder_below(const std::string& root, const std::string& path,
                                       std::size_t max_entries, std::size_t max_bytes);

}  // namespace corral::runner
