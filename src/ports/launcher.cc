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

}  // namespace corral::ports
