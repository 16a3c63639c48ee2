// Bytes -> what else comes from outside as a document of ours: a reader's place, a manifest, a catalog, and the library that a manifest
// lies in. Whatever the bytes, either they are understood, and what is understood is written and read again as the same, or it is an
// Error(config) or Error(plugin) that says what to do.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "elf.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/connector/manifest.hpp"
#include "switchgear/paging/continuation.hpp"

namespace {

using namespace switchgear;

void require(bool holds) {
  if (!holds) std::abort();
}

template <class Read>
void try_to(Category expected, Read read) {
  try {
    read();
  } catch (const Error& error) {
    require(error.category == expected && !error.message.empty());
  }
}

void read_place(std::string_view text) {
  const Continuation place = Continuation::from_text(text, "WorkOrders");
  const Continuation again = Continuation::from_text(place.to_text(), "WorkOrders");
  require(again.places == place.places && again.ended() == place.ended());
}

void read_manifest(std::string_view text) {
  const Manifest manifest = Manifest::parse(text, "fuzzed");
  const std::string written = manifest.to_json();
  const Manifest again = Manifest::parse(written, "written");
  require(again.name == manifest.name && again.to_json() == written);
  try_to(Category::config, [&] { manifest.checked_config(text); });
  try_to(Category::config, [&] { manifest.checked_config("{}"); });
}

void read_library(std::string_view bytes) {
  static const int file = memfd_create("library", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  require(ftruncate(file, 0) == 0 && pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  if (const auto manifest = elf_section(path, ".sgmanifest")) require(manifest->size() <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_to(Category::config, [&] { read_place(text); });
  try_to(Category::plugin, [&] { read_manifest(text); });
  try_to(Category::plugin, [&] { parse_catalog(text, "fuzzed"); });
  try_to(Category::plugin, [&] { read_library(text); });
  return 0;
}
