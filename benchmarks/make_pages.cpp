// Writes the OData pages that the read benchmark serves: COUNT work orders of 13 fields, 1,000 a page, each page naming the
// next one in its body, and the $metadata that describes them. The same count gives the same bytes.
//
//   make_pages FOLDER COUNT
//
// FOLDER/metadata.xml, FOLDER/1.json, FOLDER/2.json, ... The next link is relative: WorkOrders?page=2
#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

constexpr std::uint64_t page_size = 1000;
constexpr std::uint64_t first_second = 1704067200;  // 2024-01-01T00:00:00Z

constexpr std::string_view metadata = R"(<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
  <edmx:DataServices>
    <Schema Namespace="Benchmark" xmlns="http://docs.oasis-open.org/odata/ns/edm">
      <EntityContainer Name="Container">
        <EntitySet Name="WorkOrders" EntityType="Benchmark.WorkOrder"/>
      </EntityContainer>
      <EntityType Name="WorkOrder">
        <Key><PropertyRef Name="ID"/></Key>
        <Property Name="ID" Type="Edm.Int64" Nullable="false"/>
        <Property Name="Number" Type="Edm.String" MaxLength="12"/>
        <Property Name="Title" Type="Edm.String" MaxLength="120"/>
        <Property Name="Status" Type="Edm.String" MaxLength="10"/>
        <Property Name="Priority" Type="Edm.Int64"/>
        <Property Name="Asset" Type="Edm.String" MaxLength="18"/>
        <Property Name="Plant" Type="Edm.String" MaxLength="4"/>
        <Property Name="EstimatedHours" Type="Edm.Double"/>
        <Property Name="MeterReading" Type="Edm.Double"/>
        <Property Name="SafetyRelevant" Type="Edm.Boolean"/>
        <Property Name="CreatedAt" Type="Edm.DateTimeOffset" Precision="3"/>
        <Property Name="ChangedAt" Type="Edm.DateTimeOffset" Precision="3"/>
        <Property Name="Notes" Type="Edm.String"/>
      </EntityType>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
)";

constexpr std::string_view statuses[] = {"OPEN", "STARTED", "DONE", "CANCELLED"};
constexpr std::string_view titles[] = {"Replace the bearing of the drive end",
                                       "Dichtung pr\xC3\xBC"
                                       "fen und \xC3\x96l nachf\xC3\xBCllen",
                                       "Calibrate pressure transmitter", "Inspect the \\\"north\\\" valve"};

// One record's worth of values, spread over their ranges by a mixer instead of by their number alone.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

class Text {
 public:
  Text& operator<<(std::string_view part) {
    text_.append(part);
    return *this;
  }
  Text& operator<<(std::uint64_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number);
    text_.append(digits, end.ptr);
    return *this;
  }
  Text& padded(std::uint64_t number, int width) {
    char digits[24];
    text_.append(digits, static_cast<std::size_t>(std::snprintf(digits, sizeof digits, "%0*" PRIu64, width, number)));
    return *this;
  }
  Text& fixed(std::uint64_t thousandths) { return (*this << thousandths / 1000 << ".").padded(thousandths % 1000, 3); }
  Text& instant(std::uint64_t seconds, std::uint64_t milliseconds) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    gmtime_r(&time, &parts);
    char date[32];
    text_.append(date, std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S.", &parts));
    return padded(milliseconds, 3) << "Z";
  }
  const std::string& str() const { return text_; }
  void clear() { text_.clear(); }

 private:
  std::string text_;
};

void write_record(Text& out, std::uint64_t id) {
  const std::uint64_t r = mix(id);
  out << R"({"ID":)" << id << R"(,"Number":"4)";
  out.padded(id, 9) << R"(","Title":")" << titles[r % 4] << " " << id << R"(","Status":")" << statuses[r / 4 % 4] << R"(","Priority":)"
                    << 1 + r / 16 % 4 << R"(,"Asset":"EQ-)";
  out.padded(r / 64 % 5000, 6) << R"(","Plant":")" << 1000 + r / 64 % 5 << R"(","EstimatedHours":)";
  out.fixed(r / 1024 % 500000) << R"(,"MeterReading":)";
  if (r % 9 == 0)
    out << "null";
  else
    out.fixed(r % 1000000000);
  out << R"(,"SafetyRelevant":)" << (r / 2 % 3 == 0 ? "true" : "false") << R"(,"CreatedAt":")";
  out.instant(first_second + id * 17, 0) << R"(","ChangedAt":")";
  out.instant(first_second + id * 17 + r % 86400, r % 1000) << R"(","Notes":)";
  if (r % 5 == 0)
    out << "null}";
  else
    out << R"("Reported by operator )" << r / 256 % 900 << R"( on shift )" << r / 32 % 3 << R"("})";
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool written = file != nullptr && std::fwrite(content.data(), 1, content.size(), file) == content.size();
  if (file == nullptr || std::fclose(file) != 0 || !written) throw std::runtime_error("cannot write " + path.string());
}

void write_pages(const std::filesystem::path& folder, std::uint64_t count) {
  std::filesystem::create_directories(folder);
  write_file(folder / "metadata.xml", metadata);
  Text page;
  std::uint64_t number = 1;
  for (std::uint64_t id = 1; id <= count; ++number) {
    const std::uint64_t last = std::min(count, id + page_size - 1);
    page.clear();
    page << R"({"@odata.context":"$metadata#WorkOrders","value":[)";
    for (; id <= last; ++id) {
      write_record(page, id);
      if (id < last) page << ",";
    }
    page << "]";
    if (last < count) page << R"(,"@odata.nextLink":"WorkOrders?page=)" << number + 1 << R"(")";
    page << "}";
    write_file(folder / (std::to_string(number) + ".json"), page.str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  char* end = nullptr;
  const std::uint64_t count = argc == 3 ? std::strtoull(argv[2], &end, 10) : 0;
  if (count == 0 || *end != '\0') {
    std::fprintf(stderr, "usage: make_pages FOLDER COUNT\n");
    return 2;
  }
  try {
    write_pages(argv[1], count);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_pages: %s\n", error.what());
    return 1;
  }
  return 0;
}
