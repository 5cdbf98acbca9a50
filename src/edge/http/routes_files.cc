// The part of the route table that is about the files in workspaces.
#include "edge/http/route_parts.h"

namespace corral::edge {

using namespace route_parts;

std::vector<Route> file_routes() {
  constexpr std::string_view kPath = R"({"type":"string","maxLength":4096})";
  const Parameter folder{"path", query, kPath,
                         "The folder, relative to the workspace; the workspace itself without."};
  const Parameter file{"path", query, kPath, "The file, relative to the workspace. Required."};
  return {
      {.method = "GET",
       .path = "/api/v1/runs/{run}/files",
       .operation_id = "listFiles",
       .tag = "files",
       .summary = "What a folder of its workspace holds now",
       .description = "409 once the run has no workspace any more. Links are followed while they "
                      "stay inside; 403 otherwise.",
       .parameters = {kRun, folder, kIfNoneMatch},
       .replies = {{200,
                    "Folders first, then by name.",
                    "application/json",
                    R"({"$ref":"#/components/schemas/Folder"})",
                    {{"ETag", "For If-None-Match."}}}},
       .refusals = {409, 422},
       .endpoint = ep::list_files},
      {.method = "GET",
       .path = "/api/v1/runs/{run}/files/content",
       .operation_id = "getFile",
       .tag = "files",
       .summary = "A file of its workspace as it is now",
       .description = "Regular files only (403), of at most 16 MiB (422).",
       .parameters = {kRun, file, kIfNoneMatch},
       .replies = {{200,
                    "The file.",
                    "application/octet-stream",
                    R"({"type":"string","format":"binary"})",
                    {{"ETag", "For If-None-Match."},
                     {"Content-Disposition", "attachment, with the file's name."}}}},
       .refusals = {409, 422},
       .endpoint = ep::get_file},
      {.method = "PUT",
       .path = "/api/v1/runs/{run}/files/content",
       .operation_id = "putFile",
       .tag = "files",
       .summary = "Put a file into its workspace",
       .description =
           "Replaces what has that name as a whole and keeps its mode; makes the folders "
           "on the way. The body is taken as it is, whatever its Content-Type.",
       .parameters = {kRun, file},
       .upload_bytes = engine::kMaxWorkspaceFile,
       .replies = {{204, "It is there."}},
       .endpoint = ep::put_file},
  };
}

}  // namespace corral::edge
