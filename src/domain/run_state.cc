#include "domain/run.h"

namespace corral::domain {
namespace {

// All fields of a struct and of what is in it, by name.
struct Names {
  std::string out;

  template <class T>
  void operator()(std::string_view name, const T& value) {
    out += name;
    inside(value);
    out += ',';
  }
  template <HasFields T>
  void inside(const T& value) {
    out += '{';
    T::fields(value, *this);
    out += '}';
  }
  template <HasFields T>
  void inside(const std::vector<T>&) {
    inside(T{});
  }
  template <HasFields T>
  void inside(const std::optional<T>&) {
    inside(T{});
  }
  template <HasFields T>
  void inside(const std::map<std::string, T, std::less<>>&) {
    inside(T{});
  }
  void inside(const auto&) {}
};

// FNV-1a, 64 bits.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

const std::string& state_schema() {
  static const std::string schema = [] {
    Names names;
    names.inside(Run{});
    return fmt::format("{}-{:016x}", kStateMeaning, hash_of(names.out));
  }();
  return schema;
}

}  // namespace corral::domain
