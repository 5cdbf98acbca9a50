#include "session/recent.h"

#include <algorithm>

#include "base/error.h"

namespace corral::session {
namespace {

constexpr std::size_t kChunkBytes = 32u << 10;  // what comes in small amounts is put together
constexpr std::size_t kMaxChunks = 256, kMaxParts = 32;

}  // namespace

void Piece::add(std::shared_ptr<const std::string> chunk, std::string_view part) {
  parts.push_back(part);
  bytes += part.size();
  held.push_back(std::move(chunk));
}

void Recent::append(std::string bytes) {
  if (bytes.empty()) return;
  const auto offset = end_;
  end_ += bytes.size();
  // Nobody may be reading what is moved in memory.
  if (!chunks_.empty() && chunks_.back().bytes.use_count() == 1 &&
      chunks_.back().bytes->size() + bytes.size() <= kChunkBytes)
    chunks_.back().bytes->append(bytes);
  else
    chunks_.push_back({offset, std::make_shared<std::string>(std::move(bytes))});
}

std::deque<Recent::Chunk>::const_iterator Recent::chunk_at(std::uint64_t offset) const {
  CORRAL_ASSERT(offset >= begin_ && offset <= end_);
  const auto after = std::ranges::upper_bound(chunks_, offset, {}, &Chunk::offset);
  return after == chunks_.begin() ? after : std::prev(after);
}

Piece Recent::read(std::uint64_t offset, std::size_t max_bytes) const {
  Piece piece;
  if (offset == end_) return piece;
  for (auto at = chunk_at(offset);
       at != chunks_.end() && piece.bytes < max_bytes && piece.parts.size() < kMaxParts; ++at) {
    const std::string_view all(*at->bytes);
    const auto skip = offset > at->offset ? static_cast<std::size_t>(offset - at->offset) : 0;
    piece.add(at->bytes, all.substr(skip, max_bytes - piece.bytes));
  }
  return piece;
}

std::string Recent::copy(std::uint64_t offset) const {
  std::string bytes;
  if (offset == end_) return bytes;
  bytes.reserve(end_ - offset);
  for (auto at = chunk_at(offset); at != chunks_.end(); ++at)
    bytes.append(*at->bytes, offset > at->offset ? offset - at->offset : 0);
  return bytes;
}

void Recent::trim(std::uint64_t needed, std::size_t keep_bytes) {
  while (!chunks_.empty() && chunks_.front().offset + chunks_.front().bytes->size() <= needed &&
         (end_ - begin_ > keep_bytes || chunks_.size() > kMaxChunks)) {
    begin_ += chunks_.front().bytes->size();
    chunks_.pop_front();
  }
}

}  // namespace corral::session
