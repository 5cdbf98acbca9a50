#include "edge/cli/query_filter.h"

namespace corral::edge::cli {
namespace {

constexpr char kEscape = '\x1b', kEnquiry = '\x05', kBell = '\x07', kCancel = '\x18',
               kSubstitute = '\x1a';
// Longer strings (an inline image, say) are no queries: they are passed on as they come.
constexpr std::size_t kLongest = 4096;

// CSI … final: device attributes and status, reports of modes and the window, versions, keyboards.
bool csi_asks(std::string_view sequence) {
  const char last = sequence.back();
  const auto body = sequence.substr(2, sequence.size() - 3);
  if (last == 'c' || last == 'n' || last == 'x') return true;  // DA, DSR, DECREQTPARM
  if (last == 'p') return body.ends_with('$');                 // DECRQM
  if (last == 'q') return body.starts_with('>');               // XTVERSION
  if (last == 'u') return body.starts_with('?');               // keyboard protocol
  if (last == 'y') return body.ends_with('*');                 // DECRQCRA
  if (last == 'w') return body.ends_with('$');                 // DECRQPSR
  if (last != 't') return false;
  const auto first = body.substr(0, body.find(';'));
  return first == "11" || first == "13" || first == "14" || first == "15" || first == "16" ||
         first == "18" || first == "19" || first == "20" || first == "21";
}

bool string_asks(std::string_view sequence) {
  const auto body = sequence.substr(2);
  if (sequence[1] == 'P') return body.starts_with("$q") || body.starts_with("+q");
  if (sequence[1] != ']') return false;
  // OSC 4;1;?  10;?  52;c;?
  return body.contains(";?\x07") || body.contains(";?\x1b");
}

}  // namespace

void QueryFilter::end_sequence(std::string& out) {
  const bool asks = state_ == State::csi ? csi_asks(sequence_)
                                         : state_ != State::escape && string_asks(sequence_);
  if (!asks && sequence_ != "\x1bZ") out += sequence_;
  sequence_.clear();
  state_ = State::text;
}

std::string QueryFilter::feed(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) {
    if (state_ == State::text) {
      if (c == kEscape) {
        sequence_ = c;
        state_ = State::escape;
      } else if (c != kEnquiry) {
        out += c;
      }
      continue;
    }
    // Begun anew, or given up, in the middle of another.
    if (c == kEscape && state_ != State::string) {
      out += sequence_;
      sequence_ = c;
      state_ = State::escape;
      continue;
    }
    sequence_ += c;
    if (c == kCancel || c == kSubstitute || sequence_.size() > kLongest) {
      out += sequence_;
      sequence_.clear();
      state_ = State::text;
      continue;
    }
    switch (state_) {
      case State::escape:
        if (c == '[')
          state_ = State::csi;
        else if (c == ']' || c == 'P' || c == '_' || c == '^' || c == 'X')
          state_ = State::string;
        else if (c >= 0x30)
          end_sequence(out);  // what is below is an intermediate byte: more comes
        break;
      case State::csi:
        if (c >= 0x40 && c <= 0x7e) end_sequence(out);
        break;
      case State::string:
        if (c == kBell && sequence_[1] == ']')
          end_sequence(out);
        else if (c == kEscape)
          state_ = State::string_escape;
        break;
      case State::string_escape: end_sequence(out); break;  // ST
      case State::text: break;
    }
  }
  return out;
}

}  // namespace corral::edge::cli
