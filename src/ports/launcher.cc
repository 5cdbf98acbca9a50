#include "ports/launcher.h"

namespace corral::ports {

std::string_view to_string(Isolation isolation) {
  switch (isolation) {
    case Isolation::sandbox: return "sandbox";
    case Isolation::reduced: return "reduced";
    case Isolation::none: return "none";
  }
  return "none";
}

std::string_view to_string(FolderEntry::Type type) {
  switch (type) {
    case FolderEntry::Type::file: return "file";
    case FolderEntry::Type::folder: return "folder";
    case FolderEntry::Type::link: return "link";
    case FolderEntry::Type::other: return "other";
  }
  return "other";
}

}  // namespace corral::ports
