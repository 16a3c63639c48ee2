// Any text as the fields of a certificate: what is shown is short, valid UTF-8 on one line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/base/utf8.hpp"
#include "switchgear/http/endpoint.hpp"

namespace {

void check(std::string_view shown) {
  if (shown.size() > 1000 || switchgear::first_invalid_utf8(shown) != shown.size()) std::abort();
  for (const char c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::pair<std::string, std::string>> fields;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) fields.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
  const switchgear::Certificate certificate = switchgear::certificate_from(fields);
  check(certificate.subject);
  check(certificate.issuer);
  for (const std::string& name : certificate.names) check(name);
  certificate.describe();
  return 0;
}
