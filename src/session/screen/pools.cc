#include "session/screen/pools.h"

namespace corral::session::screen {

std::size_t AttributePool::hash(const Attributes& value) {
  std::uint64_t mixed =
      (std::uint64_t{value.foreground} << 32 | value.background) * 0x9E3779B97F4A7C15u;
  mixed ^= mixed >> 29;
  mixed += (std::uint64_t{value.extended} << 32 | value.link) * 0xBF58476D1CE4E5B9u;
  mixed ^= mixed >> 32;
  return static_cast<std::size_t>(mixed * 0x94D049BB133111EBu >> 20);
}

void AttributePool::place(std::uint32_t number) {
  auto at = hash(items_[number]) & (slots_.size() - 1);
  while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = number + 1;
}

std::uint32_t AttributePool::number(const Attributes& value) {
  auto at = hash(value) & (slots_.size() - 1);
  while (slots_[at] != 0) {
    if (items_[slots_[at] - 1] == value) return slots_[at] - 1;
    at = (at + 1) & (slots_.size() - 1);
  }
  items_.push_back(value);
  const auto given = static_cast<std::uint32_t>(items_.size() - 1);
  if (items_.size() * 2 > slots_.size()) {
    slots_.assign(slots_.size() * 2, 0);
    for (std::uint32_t each = 0; each < items_.size(); ++each) place(each);
  } else {
    slots_[at] = given + 1;
  }
  return given;
}

std::uint32_t StringPool::number(std::string_view value) {
  if (value.empty()) return 0;
  std::string key(value);
  if (const auto known = numbers_.find(key); known != numbers_.end()) return known->second;
  const auto given = static_cast<std::uint32_t>(items_.size());
  bytes_ += 2 * value.size() + 120;
  items_.push_back(key);
  numbers_.emplace(std::move(key), given);
  return given;
}

void append_utf8(std::string& into, std::uint32_t c) {
  const auto add = [&](std::uint32_t byte) { into += static_cast<char>(byte); };
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xC0 | c >> 6), add(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    add(0xE0 | c >> 12), add(0x80 | (c >> 6 & 0x3F)), add(0x80 | (c & 0x3F));
  } else {
    add(0xF0 | c >> 18), add(0x80 | (c >> 12 & 0x3F)), add(0x80 | (c >> 6 & 0x3F)),
        add(0x80 | (c & 0x3F));
  }
}

std::uint32_t take_utf8(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  const std::size_t more = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  std::uint32_t code = first & (0x3Fu >> more);
  for (std::size_t index = 0; index < more && at < text.size(); ++index)
    code = code << 6 | (static_cast<unsigned char>(text[at++]) & 0x3F);
  return code;
}

std::string Pools::text(Cell cell) const {
  if ((cell.content & kCombined) != 0) return clusters[cell.content & kCodePointMask];
  std::string text;
  if (cell.has_content()) append_utf8(text, cell.content & kCodePointMask);
  return text;
}

std::uint32_t Renumbering::link(std::uint32_t number) {
  return to_.links.number(from_.links[number]);
}

std::uint32_t Renumbering::attributes(std::uint32_t number) {
  if (number == 0) return 0;
  if (known_.size() <= number) known_.resize(from_.attributes.size(), 0);
  if (known_[number] == 0) {
    auto value = from_.attributes[number];
    value.link = link(value.link);
    known_[number] = to_.attributes.number(value) + 1;
  }
  return known_[number] - 1;
}

Cell Renumbering::operator()(Cell cell) {
  cell.attributes = attributes(cell.attributes);
  if ((cell.content & kCombined) != 0)
    cell.content = (cell.content & ~kCodePointMask) |
                   to_.clusters.number(from_.clusters[cell.content & kCodePointMask]);
  return cell;
}

}  // namespace corral::session::screen
