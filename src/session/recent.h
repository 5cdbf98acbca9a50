// The newest bytes of a stream in memory, in chunks that whoever reads them shares: twenty viewers
// send the same memory.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace corral::session {

// Bytes one after the other, kept alive by it.
struct Piece {
  std::vector<std::string_view> parts;
  std::size_t bytes = 0;
  std::vector<std::shared_ptr<const std::string>> held;

  void add(std::shared_ptr<const std::string> chunk, std::string_view part);
};

class Recent {
 public:
  explicit Recent(std::uint64_t begin = 0) : begin_(begin), end_(begin) {}

  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }
  void append(std::string bytes);
  // begin() <= offset <= end(); at most `max_bytes`, in at most a few dozen parts.
  Piece read(std::uint64_t offset, std::size_t max_bytes) const;
  // All from there on.
  std::string copy(std::uint64_t offset) const;
  // Forgets the oldest, but nothing from `needed` on, until about `keep_bytes` are left.
  void trim(std::uint64_t needed, std::size_t keep_bytes);

 private:
  struct Chunk {
    std::uint64_t offset;
    std::shared_ptr<std::string> bytes;
  };
  std::deque<Chunk>::const_iterator chunk_at(std::uint64_t offset) const;

  std::deque<Chunk> chunks_;
  std::uint64_t begin_, end_;
};

}  // namespace corral::session
