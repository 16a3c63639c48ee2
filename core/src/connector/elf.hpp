// Looks into a shared library without running any of it, and without trusting it.
//
// dlopen maps what the headers promise: in a file that is shorter, the first touch of the missing pages kills the process (SIGBUS).
// So every table and every loadable segment is held against the file's size first. Stateless; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace switchgear {

/// The bytes of a section up to the first NUL; nothing if a sound shared library for this machine has no such section.
/// Throws Error(plugin, "library") naming the file and what is wrong with it: text, cut off, of another machine or word size.
std::optional<std::string> elf_section(const std::string& path, std::string_view section);

}  // namespace switchgear
