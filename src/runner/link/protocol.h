// The numbers and limits of the runner link, version 1. docs/runner-link.md is the text to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corral::runner::link {

constexpr int kVersion = 1;

constexpr std::size_t kHeaderBytes = 20;
constexpr std::size_t kMaxPayloadBytes = 256 * 1024;  // of one frame
constexpr std::size_t kMaxControlBytes =
    4 * 1024 * 1024;  // of one control message, over all its frames
constexpr std::size_t kMaxBodyBytes =
    16 * 1024 * 1024;                            // of the bytes that go with one request or answer
constexpr std::size_t kMaxOpenBodies = 8;        // bodies under way at one time
constexpr std::size_t kMaxFolderEntries = 5000;  // looked at for one list_folder
constexpr std::size_t kMaxFolderBytes =
    2 * 1024 * 1024;  // of its entries as JSON: well within a control message

constexpr std::uint64_t kChannelWindowBytes =
    1024 * 1024;  // sent beyond what was acknowledged, a channel
constexpr std::uint32_t kStreamCreditBytes = 256 * 1024;  // a stream's first credit, each way
constexpr std::size_t kMaxStreams = 64;

constexpr std::string_view kSocketName = "link.sock";

// What a stream leads to (its open frame's offset field).
enum class StreamKind : std::uint8_t { gateway = 1, git = 2 };

}  // namespace corral::runner::link
