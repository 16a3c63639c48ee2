#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "fake_services.hpp"
#include "switchgear/connector/loader.hpp"

namespace switchgear {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

class Elf : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "switchgear-elf-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    good_ = bytes_of(std::string(TEST_CONNECTORS) + "/variant_good.so");
    ASSERT_GT(good_.size(), 4096U);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string put(const std::string& bytes) const {
    const std::string path = folder_ / "x.so";
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    return path;
  }

  /// What is said of the good library after `change`.
  template <class Change>
  Error after(Change&& change) const {
    std::string bytes = good_;
    change(bytes);
    const std::string path = put(bytes);
    return error_of([&] { inspect_connector(path); });
  }

  Elf64_Ehdr header() const {
    Elf64_Ehdr header{};
    std::memcpy(&header, good_.data(), sizeof header);
    return header;
  }

  fs::path folder_;
  std::string good_;
};

template <class Header, class Change>
void patch(std::string& bytes, std::size_t offset, Change&& change) {
  Header header{};
  std::memcpy(&header, bytes.data() + offset, sizeof header);
  change(header);
  std::memcpy(bytes.data() + offset, &header, sizeof header);
}

TEST_F(Elf, RefusesATextAndAnEmptyFile) {
  const Error text = error_of([&] { inspect_connector(put("#!/bin/sh\necho this is not a library at all\n")); });
  EXPECT_EQ(text.code(), "plugin.library");
  EXPECT_NE(text.message.find("does not begin as an ELF file does"), std::string::npos) << text.message;
  EXPECT_NE(error_of([&] { inspect_connector(put("")); }).message.find("too short"), std::string::npos);
}

// Without the checks dlopen dies of SIGBUS on many of these.
TEST_F(Elf, RefusesALibraryCutOffAnywhere) {
  std::vector<std::size_t> lengths = {1, 15, 16, 63, 64, 65, 119, 120, good_.size() - 1, good_.size() - 64, good_.size() / 2};
  for (std::size_t length = 128; length < good_.size(); length += good_.size() / 97 + 1) lengths.push_back(length);
  for (const std::size_t length : lengths) {
    const Error error = error_of([&] { inspect_connector(put(good_.substr(0, length))); });
    EXPECT_EQ(error.code(), "plugin.library") << length << ": " << error.message;
  }
}

TEST_F(Elf, RefusesOtherMachinesAndKinds) {
  const auto message = [&](auto change) { return after([&](std::string& bytes) { patch<Elf64_Ehdr>(bytes, 0, change); }).message; };
  EXPECT_NE(message([](Elf64_Ehdr& h) { h.e_ident[EI_CLASS] = ELFCLASS32; }).find("64 bits"), std::string::npos);
  EXPECT_NE(message([](Elf64_Ehdr& h) { h.e_ident[EI_DATA] = ELFDATA2MSB; }).find("byte order"), std::string::npos);
  EXPECT_NE(message([](Elf64_Ehdr& h) { h.e_machine = EM_S390; }).find("another machine (ELF machine 22)"), std::string::npos);
  EXPECT_NE(message([](Elf64_Ehdr& h) { h.e_type = ET_REL; }).find("object file or a program"), std::string::npos);
}

TEST_F(Elf, SurvivesHeadersThatLie) {
  constexpr std::uint64_t far = UINT64_MAX - 8;
  const auto expect_refused = [&](auto change, const char* what) {
    const Error error = after(change);
    EXPECT_EQ(error.code(), "plugin.library") << what << ": " << error.message;
  };
  const auto main_header = [&](auto change) { return [change](std::string& bytes) { patch<Elf64_Ehdr>(bytes, 0, change); }; };
  expect_refused(main_header([](Elf64_Ehdr& h) { h.e_phoff = far; }), "phoff");
  expect_refused(main_header([](Elf64_Ehdr& h) { h.e_shoff = far; }), "shoff");
  expect_refused(main_header([](Elf64_Ehdr& h) { h.e_phnum = 0xffff; }), "phnum");
  expect_refused(main_header([](Elf64_Ehdr& h) { h.e_phnum = 0; }), "no segments");
  expect_refused(main_header([](Elf64_Ehdr& h) { h.e_shnum = 0xffff; }), "shnum");
  expect_refused(main_header([](Elf64_Ehdr& h) { h.e_phentsize = 1; }), "phentsize");
  expect_refused(main_header([](Elf64_Ehdr& h) { h.e_shentsize = 0; }), "shentsize");
  expect_refused(main_header([](Elf64_Ehdr& h) { h.e_shstrndx = 0xfff0; }), "shstrndx");
  for (std::size_t i = 0; i < header().e_phnum; ++i) {
    const std::size_t at = header().e_phoff + i * sizeof(Elf64_Phdr);
    Elf64_Phdr segment{};
    std::memcpy(&segment, good_.data() + at, sizeof segment);
    if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC) continue;
    expect_refused([&](std::string& bytes) { patch<Elf64_Phdr>(bytes, at, [](Elf64_Phdr& s) { s.p_filesz = far; }); }, "filesz");
    expect_refused([&](std::string& bytes) { patch<Elf64_Phdr>(bytes, at, [](Elf64_Phdr& s) { s.p_offset = far; }); }, "offset");
  }
}

TEST_F(Elf, SurvivesSectionsThatLie) {
  bool seen = false;
  for (std::size_t i = 0; i < header().e_shnum; ++i) {
    const std::size_t at = header().e_shoff + i * sizeof(Elf64_Shdr);
    for (const std::uint64_t lie : {std::uint64_t{0}, std::uint64_t{1} << 20U, UINT64_MAX}) {
      const Error size = after([&](std::string& bytes) { patch<Elf64_Shdr>(bytes, at, [&](Elf64_Shdr& s) { s.sh_size = lie; }); });
      const Error offset = after([&](std::string& bytes) { patch<Elf64_Shdr>(bytes, at, [&](Elf64_Shdr& s) { s.sh_offset = lie; }); });
      const Error name = after(
          [&](std::string& bytes) { patch<Elf64_Shdr>(bytes, at, [&](Elf64_Shdr& s) { s.sh_name = static_cast<Elf64_Word>(lie); }); });
      for (const Error& error : {size, offset, name}) {
        // Most sections don't matter for loading; those that do must lead to one of our errors.
        EXPECT_TRUE(error.category == Category::plugin || error.category == Category::internal) << error.message;
        seen = seen || error.category == Category::plugin;
      }
    }
  }
  EXPECT_TRUE(seen);
}

TEST_F(Elf, RefusesWhatIsNoFile) {
  EXPECT_EQ(error_of([&] { inspect_connector(folder_); }).code(), "plugin.library");
  ASSERT_EQ(::mkfifo((folder_ / "pipe.so").c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { inspect_connector(folder_ / "pipe.so"); }).code(), "plugin.library");  // and does not wait for a writer
}

}  // namespace
}  // namespace switchgear
