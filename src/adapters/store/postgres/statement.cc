#include "adapters/store/postgres/statement.h"

#include <charconv>

#include <libpq-fe.h>

namespace corral::adapters::store::postgres {
namespace {

// pg_type.dat
constexpr unsigned int kBool = 16, kBytea = 17, kInt8 = 20, kText = 25;

std::string big_endian(std::int64_t value) {
  std::string bytes(8, '\0');
  auto rest = static_cast<std::uint64_t>(value);
  for (auto at = bytes.rbegin(); at != bytes.rend(); ++at, rest >>= 8)
    *at = static_cast<char>(rest & 0xff);
  return bytes;
}

}  // namespace

Parameters& Parameters::text(std::string_view value) {
  values_.push_back({kText, std::string(value)});
  return *this;
}
Parameters& Parameters::bytes(std::string value) {
  values_.push_back({kBytea, std::move(value)});
  return *this;
}
Parameters& Parameters::integer(std::int64_t value) {
  values_.push_back({kInt8, big_endian(value)});
  return *this;
}
Parameters& Parameters::optional_integer(std::optional<std::uint64_t> value) {
  if (value) return integer(*value);
  values_.push_back({kInt8, "", true});
  return *this;
}
Parameters& Parameters::boolean(bool value) {
  values_.push_back({kBool, std::string(1, value ? '\1' : '\0')});
  return *this;
}

std::size_t Parameters::size_bytes() const {
  std::size_t sum = 0;
  for (const auto& value : values_) sum += value.bytes.size();
  return sum;
}

Rows::Rows(pg_result* result) : result_(result) {}
Rows::Rows(Rows&&) noexcept = default;
Rows& Rows::operator=(Rows&&) noexcept = default;
Rows::~Rows() = default;
void Rows::Clear::operator()(pg_result* result) const { PQclear(result); }

int Rows::size() const { return PQntuples(result_.get()); }
bool Rows::is_null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::uint64_t Rows::affected() const {
  const std::string_view text = PQcmdTuples(result_.get());
  std::uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

std::string_view Rows::view(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Rows::integer(int row, int column) const {
  const auto bytes = view(row, column);
  if (bytes.empty()) return 0;
  std::int64_t value = (bytes.front() & 0x80) != 0 ? -1 : 0;
  for (const char byte : bytes) value = value * 256 + static_cast<unsigned char>(byte);
  return value;
}

}  // namespace corral::adapters::store::postgres
