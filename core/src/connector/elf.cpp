#include "elf.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

constexpr std::uint64_t max_section_bytes = 4U << 20U;
constexpr std::uint16_t max_headers = 4096;

#if defined(__x86_64__)
constexpr std::uint16_t this_machine = EM_X86_64;
constexpr std::string_view this_machine_name = "x86-64";
#elif defined(__aarch64__)
constexpr std::uint16_t this_machine = EM_AARCH64;
constexpr std::string_view this_machine_name = "aarch64";
#else
#error "elf.cpp: name this machine"
#endif

class LibraryFile {
 public:
  explicit LibraryFile(const std::string& path) : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (file_ < 0) refuse(std::string("it can't be read: ") + std::strerror(errno), "check the path and the file's permissions");
    struct stat status{};
    if (::fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(file_);
      refuse("it is not a regular file", "name the connector's .so file");
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  LibraryFile(const LibraryFile&) = delete;
  LibraryFile& operator=(const LibraryFile&) = delete;
  ~LibraryFile() { ::close(file_); }

  [[noreturn]] void refuse(const std::string& problem, const std::string& hint) const {
    throw Error(Category::plugin, "library", path_ + " is no usable connector: " + problem).with_hint(hint);
  }

  [[noreturn]] void refuse_cut(const std::string& what) const {
    refuse("it is cut off or damaged: " + what + " lies outside of its " + std::to_string(size_) + " bytes",
           "copy or build the file again");
  }

  bool holds(std::uint64_t offset, std::uint64_t count) const noexcept { return offset <= size_ && count <= size_ - offset; }

  void read(std::uint64_t offset, void* out, std::uint64_t count, const std::string& what) const {
    if (!holds(offset, count)) refuse_cut(what);
    auto* bytes = static_cast<char*>(out);
    while (count > 0) {
      const ssize_t got = ::pread(file_, bytes, count, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) refuse_cut(what);  // it shrank meanwhile
      bytes += got;
      offset += static_cast<std::uint64_t>(got);
      count -= static_cast<std::uint64_t>(got);
    }
  }

  template <class Header>
  std::vector<Header> table(std::uint64_t offset, std::uint16_t count, std::uint16_t entry_size, const std::string& what) const {
    if (entry_size != sizeof(Header) || count > max_headers) refuse("its " + what + " is malformed", "build the file again");
    std::vector<Header> headers(count);
    read(offset, headers.data(), sizeof(Header) * count, "its " + what);
    return headers;
  }

 private:
  std::string path_;
  int file_;
  std::uint64_t size_ = 0;
};

Elf64_Ehdr checked_header(const LibraryFile& file) {
  unsigned char ident[EI_NIDENT] = {};
  if (!file.holds(0, sizeof ident)) file.refuse("it is too short for a shared library", "copy or build the file again");
  file.read(0, ident, sizeof ident, "its header");
  if (std::memcmp(ident, ELFMAG, SELFMAG) != 0) {
    file.refuse("it is not a shared library (it does not begin as an ELF file does)", "name the .so file that the build made");
  }
  if (ident[EI_CLASS] != ELFCLASS64) file.refuse("it was not built for 64 bits", "build it for this machine");
  if (ident[EI_DATA] != ELFDATA2LSB || ident[EI_VERSION] != EV_CURRENT)
    file.refuse("it was built for another byte order", "build it for this machine");
  Elf64_Ehdr header{};
  file.read(0, &header, sizeof header, "its header");
  if (header.e_machine != this_machine) {
    file.refuse("it was built for another machine (ELF machine " + std::to_string(header.e_machine) + "), this one is " +
                    std::string(this_machine_name),
                "build it for this machine");
  }
  if (header.e_type != ET_DYN) file.refuse("it is not a shared library but an object file or a program", "link it with -shared");
  return header;
}

/// All that dlopen will map.
void check_segments(const LibraryFile& file, const Elf64_Ehdr& header) {
  bool loadable = false;
  for (const Elf64_Phdr& segment : file.table<Elf64_Phdr>(header.e_phoff, header.e_phnum, header.e_phentsize, "program header table")) {
    if (segment.p_type == PT_NULL || segment.p_type == PT_GNU_STACK) continue;
    if (!file.holds(segment.p_offset, segment.p_filesz)) file.refuse_cut("a segment");
    if (segment.p_type != PT_LOAD) continue;
    loadable = true;
    if (segment.p_memsz < segment.p_filesz) file.refuse("a segment is larger in the file than in memory", "build the file again");
  }
  if (!loadable) file.refuse("it has nothing to load (debug symbols only?)", "name the .so file that the build made");
}

}  // namespace

std::optional<std::string> elf_section(const std::string& path, std::string_view section) {
  const LibraryFile file(path);
  const Elf64_Ehdr header = checked_header(file);
  check_segments(file, header);
  if (header.e_shnum == 0) return std::nullopt;
  const auto sections = file.table<Elf64_Shdr>(header.e_shoff, header.e_shnum, header.e_shentsize, "section header table");
  if (header.e_shstrndx >= sections.size()) file.refuse("its section names are missing", "build the file again");
  const Elf64_Shdr& names_header = sections[header.e_shstrndx];
  if (names_header.sh_size > max_section_bytes) file.refuse("its section names are malformed", "build the file again");
  std::string names(names_header.sh_size, '\0');
  file.read(names_header.sh_offset, names.data(), names.size(), "the table of section names");

  for (const Elf64_Shdr& candidate : sections) {
    if (candidate.sh_name >= names.size() || names.c_str() + candidate.sh_name != section) continue;
    if (candidate.sh_type == SHT_NOBITS)
      file.refuse("its section " + std::string(section) + " is empty (debug symbols only?)", "name the .so file that the build made");
    if (candidate.sh_size > max_section_bytes)
      file.refuse("its section " + std::string(section) + " is larger than 4 MiB", "shorten the manifest");
    std::string bytes(candidate.sh_size, '\0');
    file.read(candidate.sh_offset, bytes.data(), bytes.size(), "its section " + std::string(section));
    return bytes.substr(0, bytes.find('\0'));  // sanitizers pad it
  }
  return std::nullopt;
}

}  // namespace switchgear
