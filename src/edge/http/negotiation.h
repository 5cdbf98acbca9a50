// What HTTP lets clients and servers agree on: media types and entity tags (RFC 9110, 12 and 13).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace corral::edge {

// The one of `offered` that `accept` likes best, earlier ones first among equals; empty when none
// will do. An absent Accept takes anything. Parameters of offered types are not looked at.
std::string_view choose_media_type(std::string_view accept,
                                   const std::vector<std::string_view>& offered);

// Whether an Accept-Encoding takes a coding ("br", "gzip"); absent: no.
bool accepts_encoding(std::string_view accept_encoding, std::string_view coding);

// "type/subtype" in lower case, without parameters.
std::string essence(std::string_view content_type);

// A strong tag of the content. Not of the document's version: figures such as the cost move without
// one.
std::string etag_of(std::string_view content);
// Whether If-None-Match names the tag, or is "*" (weak comparison).
bool etag_matches(std::string_view if_none_match, std::string_view etag);

}  // namespace corral::edge
