// Identifiers: UUIDv7 (RFC 9562), which sort by time of creation. Each kind is a type of its own.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"

namespace corral {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  static Uuid v7(Time now, Random& random);
  // The 36-character form, either case; nothing else.
  static std::optional<Uuid> parse(std::string_view text);
  std::string to_string() const;
  bool is_nil() const { return *this == Uuid{}; }
  auto operator<=>(const Uuid&) const = default;
};

template <class Tag>
struct Id {
  Uuid uuid;

  static Id make(Time now, Random& random) { return Id{Uuid::v7(now, random)}; }
  static std::optional<Id> parse(std::string_view text) {
    auto uuid = Uuid::parse(text);
    if (!uuid) return std::nullopt;
    return Id{*uuid};
  }
  std::string to_string() const { return uuid.to_string(); }
  bool is_nil() const { return uuid.is_nil(); }
  auto operator<=>(const Id&) const = default;
};

using GroupId = Id<struct GroupTag>;
using ProjectId = Id<struct ProjectTag>;
using RunId = Id<struct RunTag>;
using SessionId = Id<struct SessionTag>;
using WorkspaceId = Id<struct WorkspaceTag>;

}  // namespace corral

template <>
struct std::hash<corral::Uuid> {
  std::size_t operator()(const corral::Uuid& uuid) const noexcept {
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()});
  }
};
template <class Tag>
struct std::hash<corral::Id<Tag>> {
  std::size_t operator()(const corral::Id<Tag>& id) const noexcept {
    return std::hash<corral::Uuid>{}(id.uuid);
  }
};
